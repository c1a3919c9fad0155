// Writes docs/api/openapi.json from the endpoints. A test fails when the file is not what the code says.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const built = path => import(new URL(`../packages/perfloop/dist/${path}`, import.meta.url).href)
const { openApiDocument } = await built('api/open-api-document.js')
const { ENDPOINTS } = await built('api/endpoints.js')

mkdirSync(join(root, 'docs/api'), { recursive: true })
writeFileSync(
  join(root, 'docs/api/openapi.json'),
  `${JSON.stringify(openApiDocument(ENDPOINTS), null, 2)}\n`,
)
