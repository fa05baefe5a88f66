/**
 * A provider's code as it is (`stop`, `flex`); undefined for what is none: a gateway or a broken server may put prose where a code belongs, and
 * prose can quote what was said.
 */
export function codeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:/-]{1,64}$/.test(value) ? value : undefined;
}
