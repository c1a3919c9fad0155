/** What stands where a value was. */
const REDACTED = '?'
/** A parameter without `=` longer than this is a value (a token), not a name. */
const LONGEST_BARE_KEY = 24

/**
 * A URL without what it may tell of a person: user and password, parameter values (query, matrix and
 * fragment) go, names of parameters stay. Works on whole URLs and on `path?query`; idempotent.
 */
export function redactUrl(url: string): string {
  const hash = url.indexOf('#')
  const beforeHash = hash < 0 ? url : url.slice(0, hash)
  const question = beforeHash.indexOf('?')
  const address = question < 0 ? beforeHash : beforeHash.slice(0, question)

  let redacted = redactMatrix(withoutUser(address))
  if (question >= 0) redacted += `?${redactParameters(beforeHash.slice(question + 1))}`
  if (hash >= 0 && url.includes('=', hash)) redacted += `#${redactParameters(url.slice(hash + 1))}`
  return redacted
}

function withoutUser(address: string): string {
  const scheme = address.indexOf('//')
  if (scheme < 0 || scheme > 16) return address
  const slash = address.indexOf('/', scheme + 2)
  const at = address.lastIndexOf('@', slash < 0 ? address.length : slash)
  return at < scheme ? address : address.slice(0, scheme + 2) + address.slice(at + 1)
}

/** `;jsessionid=ABC` → `;jsessionid=`: a question mark would begin the query here. */
function redactMatrix(address: string): string {
  if (!address.includes(';')) return address
  return address
    .split('/')
    .map(segment => {
      const [name = '', ...parameters] = segment.split(';')
      return [name, ...parameters.map(withoutValue)].join(';')
    })
    .join('/')
}

function redactParameters(text: string): string {
  if (text === '') return ''
  return text.split('&').map(redactParameter).join('&')
}

function redactParameter(parameter: string): string {
  const equals = parameter.indexOf('=')
  if (equals < 0) return isBareKey(parameter) ? parameter : REDACTED
  const key = parameter.slice(0, equals)
  return equals === parameter.length - 1 ? parameter : `${key}=${REDACTED}`
}

function withoutValue(parameter: string): string {
  const equals = parameter.indexOf('=')
  if (equals >= 0) return parameter.slice(0, equals + 1)
  return isBareKey(parameter) ? parameter : ''
}

/** `debug`, `no-cache`, `fields[]` are names; `5f3c9a0b77` is a value somebody sent without a name. */
function isBareKey(text: string): boolean {
  if (text.length > LONGEST_BARE_KEY) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const letter = (code | 32) >= 97 && (code | 32) <= 122
    const joint = code === 95 || code === 45 || code === 46 || code === 91 || code === 93
    if (!letter && !joint) return false
  }
  return true
}
