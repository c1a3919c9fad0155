// As Nitro builds it: all of the server is in a chunk.
export { b as server } from './chunks/nitro/nitro.mjs'
