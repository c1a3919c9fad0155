/** Units of what is counted, in braces as UCUM has it, and those smaller than anybody turns by. */
const WHOLE = /^(?:\{.*\}|ms|us|ns|By)$/

/** Whether a knob is turned by whole numbers: there is no half connection. A share or a time in seconds may be anything. */
export function isWholeKnob({ unit }: { readonly unit: string }): boolean {
  return WHOLE.test(unit)
}
