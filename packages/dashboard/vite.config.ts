import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** What surrounds every page: fetched first, together. */
const SHELL =
  /src\/(?:main|router|api|scope|shell|components\/(?:icon|dialog|failure|skeleton|empty|page-head|select)\b)/

/** What nearly every page shows and the shell does not: one chunk beside the pages instead of twenty. */
const PARTS =
  /src\/(?:components\/(?:panel|loaded|data-table|badge|instant|operation-name|search-field|pager|segmented|severity|term-list|error-rate|copy-button|action-dialog)|charts\/(?!chart-canvas)|format\/|sql\/)/

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    // The content security policy allows 'self' only: no data: URIs, no inline polyfill.
    assetsInlineLimit: 0,
    // Maps are beside the files for tests and for who debugs; no file names them, so no browser fetches them.
    sourcemap: 'hidden',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'vendor',
              test: /node_modules\/(?:react|react-dom|scheduler|@tanstack)\//,
              priority: 3,
            },
            { name: 'shell', test: SHELL, priority: 2 },
            { name: 'parts', test: PARTS, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    // `npx vite` in this folder, beside a running `perfloop serve`.
    proxy: { '/api': process.env.PERFLOOP_URL ?? 'http://127.0.0.1:4600' },
  },
})
