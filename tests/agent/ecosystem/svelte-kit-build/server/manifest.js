// The table of routes as SvelteKit builds it: asked for its id is the one that was chosen.
const route = (id, pattern, endpoint) => ({ id, pattern, params: [], endpoint })

export const manifest = {
  mimeTypes: {},
  _: {
    routes: [
      route('/blog/[slug]', /^\/blog\/([^/]+?)\/?$/, null),
      route('/api/items/[id]', /^\/api\/items\/([^/]+?)\/?$/, () => {}),
    ],
    matchers: async () => ({}),
  },
}
