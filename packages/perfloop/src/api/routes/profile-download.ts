import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { ProfileRecord } from '../../store/control/control-store.ts'
import type { ApiContext } from '../api-context.ts'
import { API_PREFIX } from '../register-endpoint.ts'

/** The bytes as the agent sent them, for pprof and everything else that reads its format. */
export function registerProfileDownload(app: FastifyInstance, { control }: ApiContext): void {
  app.route<{ Params: { id: string } }>({
    method: 'GET',
    url: `${API_PREFIX}/measure/profiles/:id/pprof`,
    config: { operation: 'measure.profile.pprof', access: 'read' },
    async handler(request, reply) {
      const { id } = request.params
      if (!z.uuid().safeParse(id).success) {
        throw new PerfloopError('INVALID_REQUEST', { problems: ['id: Invalid UUID'] })
      }
      const record = await control.profiles.get(id)
      if (record === undefined) throw new PerfloopError('NOT_FOUND', { profile: id })
      const pprof = await control.profiles.bytes(id)
      if (pprof === undefined) {
        const reason = `there are no bytes of a profile that is ${record.status}`
        throw new PerfloopError('CONFLICT', { profile: id, reason })
      }
      return (
        reply
          // The file is gzipped, not its transfer: no Content-Encoding.
          .type('application/gzip')
          .header('content-disposition', `attachment; filename="${fileName(record)}"`)
          .send(pprof)
      )
    },
  })
}

/** `shop-cpu-20260301T100000Z.pb.gz`: the ending by which pprof knows it. */
function fileName({ service, kind, startedAt, requestedAt }: ProfileRecord): string {
  const at = (startedAt ?? requestedAt).replace(/\.\d+/, '').replaceAll(/[-:]/g, '')
  return `${service.replaceAll(/[^\w.-]+/g, '_').slice(0, 100)}-${kind}-${at}.pb.gz`
}
