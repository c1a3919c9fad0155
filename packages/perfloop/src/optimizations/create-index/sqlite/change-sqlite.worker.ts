import { parentPort, workerData } from 'node:worker_threads'
import { makeChange, SqliteChange } from './sqlite-index.ts'

parentPort?.postMessage(makeChange(SqliteChange.parse(workerData)))
