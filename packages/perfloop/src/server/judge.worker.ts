import { parentPort } from 'node:worker_threads'
import { serveJudge } from '../analysis/serve-judge.ts'
import { BUILT_IN_ANALYZERS } from '../analyzers/built-in.ts'

if (parentPort !== null) serveJudge(parentPort, BUILT_IN_ANALYZERS)
