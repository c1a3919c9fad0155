import { z } from 'zod'
import { durationMs, port, section } from './section.ts'

export const ServerSettings = section({
  host: z.string().default('127.0.0.1').describe('Address to listen on, for the API and for OTLP.'),
  port: port().default(4600).describe('Port of the API and the dashboard.'),
  allowedHosts: z
    .array(z.string())
    .default([])
    .describe(
      'Further host names by which browsers may reach Perfloop; loopback names always may.',
    ),
  requireTokenForReads: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Whether reads need a token too. null: only when listening beyond loopback.'),
  liveIntervalMs: durationMs().default(1000).describe('How often live topics are computed.'),
  dataDirectory: z.string().default('.perfloop').describe('Folder of everything Perfloop keeps.'),
})
