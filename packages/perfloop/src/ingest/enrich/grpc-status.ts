/** gRPC status codes by name, in the order of their numbers (grpc/grpc doc/statuscodes.md). */
const NAMES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** The current conventions name the status; the elder ones number it. 0 for what is neither. */
export function grpcStatus(text: string): number {
  const number = Number(text)
  if (text !== '' && Number.isInteger(number)) return Math.min(Math.max(number, 0), 0xffff)
  const place = NAMES.indexOf(text.toUpperCase())
  return Math.max(place, 0)
}
