import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    // The content security policy allows 'self' only: no data: URIs, no inline polyfill.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  server: {
    // `npx vite` in this folder, beside a running `perfloop serve`.
    proxy: { '/api': process.env['PERFLOOP_URL'] ?? 'http://127.0.0.1:4600' },
  },
})
