import type { z } from 'zod'
import type { StoreSettings } from '../../../settings/store.ts'

const MIB = 1024 ** 2

/** How the engine is started: few threads, small caches, the user's memory limit, no logs of its own. */
export function connectionArgs(settings: z.output<typeof StoreSettings>): readonly string[] {
  return [
    `--max_server_memory_usage=${settings.maxMemoryBytes}`,
    `--max_threads=${settings.maxThreads}`,
    `--max_insert_threads=1`,
    '--max_thread_pool_size=200',
    '--background_pool_size=2',
    '--background_schedule_pool_size=4',
    `--mark_cache_size=${64 * MIB}`,
    '--uncompressed_cache_size=0',
    // Numbers as JavaScript can read them: 64-bit integers as strings, NaN and infinity as null.
    '--output_format_json_quote_64bit_integers=1',
    '--result_overflow_mode=throw',
  ]
}
