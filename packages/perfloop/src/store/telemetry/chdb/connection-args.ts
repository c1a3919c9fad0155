import type { z } from 'zod'
import type { StoreSettings } from '../../../settings/store.ts'

const MIB = 1024 ** 2

/**
 * How the engine is started: the user's memory limit, few threads, small caches, and background work that
 * rests when there is nothing to do. Each line of the last group was measured on an idle store.
 */
export function connectionArgs(settings: z.output<typeof StoreSettings>): readonly string[] {
  return [
    `--max_server_memory_usage=${settings.maxMemoryBytes}`,
    `--max_threads=${settings.maxThreads}`,
    // Else the engine takes one thread only wherever less than gigabytes are free below its memory limit, which is always.
    '--max_threads_min_free_memory_per_thread=0',
    '--max_insert_threads=1',
    '--session_timezone=UTC',
    // Numbers as JavaScript can read them: 64-bit integers as strings, NaN and infinity as null.
    '--output_format_json_quote_64bit_integers=1',
    '--result_overflow_mode=throw',

    '--max_thread_pool_size=200',
    '--max_thread_pool_free_size=8',
    '--background_pool_size=2',
    '--background_schedule_pool_size=4',
    '--background_schedule_pool_initial_size=2',

    `--mark_cache_size=${32 * MIB}`,
    `--index_mark_cache_size=${16 * MIB}`,
    `--primary_index_cache_size=${32 * MIB}`,
    `--query_condition_cache_size=${8 * MIB}`,
    '--uncompressed_cache_size=0',

    // Compiling to machine code made no query of ours faster, its first use slower, and loads LLVM: 23 MB.
    '--compile_expressions=0',
    '--compile_aggregate_expressions=0',
    '--compile_sort_description=0',

    '--memory_worker_period_ms=1000',
    '--global_profiler_real_time_period_ns=0',
    '--global_profiler_cpu_time_period_ns=0',
    '--disable_internal_dns_cache=1',
    // A pool of its own for streaming engines, which we do not use, wakes up seven times a second.
    '--background_streaming_schedule_pool_size=0',
  ]
}
