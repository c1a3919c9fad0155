import { describe, expect, it } from 'vitest'
import { splitStatements } from './split-statements.ts'

describe('splitting a SQL file', () => {
  it('ignores semicolons in strings, names and comments', () => {
    expect(
      splitStatements(`-- first; not a statement
        SELECT 'a;b''c;', \`x;y\` -- and; so on
        ;
        SELECT 4 - 3, 'back\\'slash;' ;;
      `),
    ).toEqual(["SELECT 'a;b''c;', `x;y`", "SELECT 4 - 3, 'back\\'slash;'"])
  })
})
