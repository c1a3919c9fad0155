export const dynamic = 'force-dynamic'

async function Stalls() {
  await new Promise(resolve => setTimeout(resolve, 20))
  return <p>stalls</p>
}

export default async function Page({ params }) {
  const { town } = await params
  return (
    <main>
      <h1>{town}</h1>
      <Stalls />
    </main>
  )
}
