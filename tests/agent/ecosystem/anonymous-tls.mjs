/** TLS without anybody's certificate, for both ends. */
export const anonymousTls = {
  ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0',
  maxVersion: 'TLSv1.2',
  rejectUnauthorized: false,
  checkServerIdentity: () => undefined,
}
