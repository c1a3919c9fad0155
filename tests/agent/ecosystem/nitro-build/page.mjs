import { createSSRApp, h } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { createMemoryHistory, createRouter, RouterView } from 'vue-router'

export async function renderPage(url) {
  const component = { render: () => h('h1', 'a town') }
  const routes = [{ path: '/towns/:town()', component }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const app = createSSRApp({ render: () => h(RouterView) }).use(router)
  await router.push(url)
  return await renderToString(app)
}
