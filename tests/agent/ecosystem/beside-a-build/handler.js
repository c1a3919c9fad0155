import { manifest } from './server/manifest.js'

export const choose = () => manifest._.routes[0]
