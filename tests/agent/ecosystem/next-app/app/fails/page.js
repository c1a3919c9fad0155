export const dynamic = 'force-dynamic'

export default function Page() {
  throw new RangeError('by a page')
}
