/** Whether memory was stable: in between it is unclear, and of less than a day nothing is said. */
export const MEMORY_STABILITIES = ['stable', 'not_stable', 'unclear', 'not_enough_data'] as const
export type MemoryStability = (typeof MEMORY_STABILITIES)[number]
