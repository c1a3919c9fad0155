import { z } from 'zod'

/** A part of the settings: every key has a default, a unit in its name and a sentence that explains it. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).prefault({} as never)
}

export const ratio = () => z.number().min(0).max(1)
export const count = () => z.int().min(0)
export const durationMs = () => z.int().min(0)
export const sizeBytes = () => z.int().min(0)
export const port = () => z.int().min(0).max(65_535)
