export async function GET(_request, { params }) {
  const { stall } = await params
  if (stall === 'none') throw new TypeError('by a route handler')
  return Response.json({ stall })
}

export async function POST() {
  return new Response('made', { status: 201 })
}
