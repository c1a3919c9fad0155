export const dynamic = 'force-dynamic'

async function sell() {
  'use server'
  return 'sold'
}

export default function Page() {
  return (
    <form action={sell}>
      <button type="submit">sell</button>
    </form>
  )
}
