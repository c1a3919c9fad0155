export default function handler(request, response) {
  if (request.query.thing === 'none') throw new TypeError('by an API route')
  response.json(request.query)
}
