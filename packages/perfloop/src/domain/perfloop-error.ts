/**
 * Every failure a user can meet: what happened, why it usually happens, what to do about it.
 * The codes are public API; `docs/errors.md` is generated from this list and tested against it.
 */
export const ERRORS = {
  // ── Input ────────────────────────────────────────────────────────────────
  INVALID_REQUEST: {
    status: 400,
    message: 'The request does not match the API.',
    cause: 'A parameter or the body has a wrong name, type or range.',
    cure: 'Read `error.details`: it names each field and what is expected. The API is described at /api/v1/openapi.json, what agents send in docs/agent-protocol.md.',
  },
  UNAUTHENTICATED: {
    status: 401,
    message: 'A token or session is needed.',
    cause: 'Writes always need one; reads need one when Perfloop listens beyond loopback.',
    cure: 'Send `Authorization: Bearer TOKEN`. The admin token is in the file `admin-token` of the data directory.',
  },
  FORBIDDEN_ORIGIN: {
    status: 403,
    message: 'The request came from a host or origin that is not allowed.',
    cause:
      'Another web page tried to use Perfloop through the browser, or Perfloop is reached by a name it does not know.',
    cure: 'Open Perfloop by the address it printed, or add the name to the setting `server.allowedHosts`. The origin of a page that sends telemetry itself belongs in `ingest.corsOrigins`.',
  },
  NOT_FOUND: {
    status: 404,
    message: 'There is nothing at this address.',
    cause: 'The id is unknown, or its data is past its retention.',
    cure: 'Go back to the list and choose an entry that is there now.',
  },
  CONFLICT: {
    status: 409,
    message: 'The present state does not allow this.',
    cause:
      'Somebody else, or Perfloop itself, changed it first; or the step is not legal from here.',
    cure: 'Reload, look at the state and the ledger, then decide again.',
  },
  TOO_MANY_ATTEMPTS: {
    status: 429,
    message: 'Too many wrong tokens, or too many open streams.',
    cause: 'A script repeats a wrong token, somebody guesses, or many browser windows are open.',
    cure: 'Wait as long as the header Retry-After says, and send the right token.',
  },
  INTERNAL: {
    status: 500,
    message: 'Perfloop failed to answer.',
    cause: 'A defect in Perfloop.',
    cure: 'The log has the stack under the same request id; please report it.',
  },
  INPUT_UNREADABLE: {
    status: 400,
    message: 'The input is not what this command reads.',
    cause: 'Standard input is empty, cut off, or in another format.',
    cure: 'Give it what `expected` names. The formats of `perfloop lab` are in docs/lab.md.',
  },
  // ── Agents ───────────────────────────────────────────────────────────────
  AGENT_UNKNOWN: {
    status: 409,
    message: 'This agent is not known here.',
    cause: 'It has not reported itself to this Perfloop, was forgotten, or uses another token now.',
    cure: 'Nothing: the agent reports itself again by itself.',
  },
  AGENT_LIMIT: {
    status: 429,
    message: 'This agent sends more than allowed.',
    cause:
      'It sent more profiles in a minute than `agents.profilesPerMinute`; or all agents together told more than `agents.maxBytesPerMinute`, are more than `agents.maxAgents`, or declare more than `agents.maxDeclarationsBytes`.',
    cure: 'Nothing: the agent drops a profile that is refused and tells the rest later. Raise the setting where you need more.',
  },
  PROFILE_UNREADABLE: {
    status: 422,
    message: 'The profile cannot be read.',
    cause:
      'Its bytes are not a gzipped profile in the pprof format, it is the difference of two (with negative values), or it is larger than `agents.maxProfileBytes`.',
    cure: 'Take it again. If that stays, report it with the version of the agent.',
  },
  // ── Settings ─────────────────────────────────────────────────────────────
  SETTINGS_INVALID: {
    status: 400,
    message: 'The settings are not valid.',
    cause: 'A key is unknown, or a value has the wrong type or range.',
    cure: 'Correct the keys that `details` names. Every key is described in docs/settings.md.',
  },
  SETTINGS_FILE_UNREADABLE: {
    status: 400,
    message: 'The settings file cannot be read.',
    cause: 'It does not exist, is not readable, or is not JSON.',
    cure: 'Check the path given with --config, and the line that `details` names.',
  },
  // ── Store ────────────────────────────────────────────────────────────────
  DATA_DIRECTORY_IN_USE: {
    status: 503,
    message: 'The data directory is in use by another process.',
    cause: 'Another Perfloop runs on it.',
    cure: 'Stop the other one (its process id is in `details`), or choose another directory with --data.',
  },
  DATA_DIRECTORY_UNUSABLE: {
    status: 503,
    message: 'The data directory cannot be used.',
    cause: 'It is not a directory, or this user may not write to it.',
    cure: 'Choose another directory with --data, or correct its owner and permissions.',
  },
  STORE_UNREACHABLE: {
    status: 503,
    message: 'The store did not answer.',
    cause: 'The store process is restarting, or the external ClickHouse server is away.',
    cure: 'Wait a moment: acknowledged telemetry is in the spool and is loaded when the store is back. If it stays, read the log.',
  },
  TELEMETRY_SCHEMA_DIFFERS: {
    status: 503,
    message: 'The telemetry in this data directory has tables that this version cannot use.',
    cause:
      'It was written by a development version, whose schema file of the same number was another one.',
    cure: 'Start with another `--data` directory, or with the version that wrote it. Nothing in it was changed.',
  },
  STORE_QUERY_FAILED: {
    status: 500,
    message: 'The store refused or failed a query.',
    cause: 'The query ran out of its memory or time limit, or the store has a defect.',
    cure: 'Ask for a shorter time range; if it stays, report it with `details`.',
  },
  STORE_QUERY_BANNED: {
    status: 503,
    message: 'This query has stopped the store twice and is no longer run.',
    cause: 'It exceeds what the store can do with its memory.',
    cure: 'Ask for a shorter range, or raise `store.maxMemoryBytes` and restart.',
  },
  CONTROL_STORE_FAILED: {
    status: 503,
    message: 'The control store cannot be used.',
    cause:
      'The file control.sqlite (or the PostgreSQL database of `store.control.url`) is damaged, on a full disk, not writable, or not reachable; or it cannot be brought to this version.',
    cure: 'The log has the database’s own words. Check the disk, the permissions and the URL.',
  },
  QUERY_ROW_UNEXPECTED: {
    status: 500,
    message: 'A query returned a row that does not match its declared shape.',
    cause: 'A defect in Perfloop, or a data directory written by a newer version.',
    cure: 'Use the version that wrote the directory, or report it.',
  },
  CHDB_MISSING: {
    status: 503,
    message: 'The embedded store (chDB) is not installed.',
    cause: 'npm skipped optional dependencies, or there is no build for this platform.',
    cure: 'Run `npm install chdb`, or name a ClickHouse server in `store.clickhouse.url`.',
  },
  // ── Receive ──────────────────────────────────────────────────────────────
  OTLP_BODY_UNREADABLE: {
    status: 400,
    message: 'The request body is not valid OTLP.',
    cause:
      'The body is truncated, compressed differently than declared, or not an OTLP export request.',
    cure: '`details` tells where reading stopped. Check the exporter’s protocol (http/protobuf or http/json) and path.',
  },
  OTLP_BODY_TOO_LARGE: {
    status: 413,
    message: 'The request body is larger than allowed.',
    cause: 'The exporter sends more in one batch than `ingest.maxBodyBytes`.',
    cure: 'Lower the batch size of the exporter or raise the setting.',
  },
  OTLP_PATH_UNKNOWN: {
    status: 404,
    message: 'Nothing is received at this path.',
    cause:
      'It is none of /v1/traces, /v1/metrics and /v1/logs, nor below /agent/v1: the endpoint of an exporter lacks its path, or has it twice, or is meant for gRPC.',
    cure: 'Set OTEL_EXPORTER_OTLP_ENDPOINT to the address without a path; a variable of one signal (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) takes the whole URL. gRPC has a port of its own, 4317.',
  },
  AGENT_PATH_UNKNOWN: {
    status: 404,
    message: 'Agents are not answered at this path.',
    cause:
      'The agent asks for what this Perfloop does not know, since it is newer; or something else than an agent asks.',
    cure: 'Use versions of agent and Perfloop that belong together. What agents may ask is in docs/agent-protocol.md.',
  },
  RECEIVER_METHOD: {
    status: 405,
    message: 'This path takes another method.',
    cause:
      'A browser or a probe looked at it, or a proxy turned a POST into a GET when it followed a redirect.',
    cure: 'Use the method that the header Allow names, and give the exporter the address behind any redirect. Whether Perfloop is well is answered at /api/v1/health of its other port.',
  },
  OTLP_MEDIA_TYPE: {
    status: 415,
    message: 'This content type or encoding is not supported.',
    cause: 'OTLP/HTTP is application/x-protobuf or application/json, optionally gzip.',
    cure: 'Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.',
  },
  INGEST_TOKEN_UNKNOWN: {
    status: 401,
    message: 'The ingest token is missing, unknown or revoked.',
    cause: 'Ingest tokens are required here (always so beyond loopback).',
    cure: 'Create one on the page Send data or with the API, and send it as `Authorization: Bearer TOKEN` (in OTEL_EXPORTER_OTLP_HEADERS: docs/sending.md).',
  },
  SPOOL_FULL: {
    status: 429,
    message: 'The spool is full; send again later.',
    cause: 'Telemetry arrives faster than the store takes it, or the disk is full.',
    cure: 'The exporter retries by itself. If it stays: free disk, raise `ingest.spool.maxBytes`, or send less.',
  },
  SPOOL_WRITE_FAILED: {
    status: 503,
    message: 'The batch could not be written to disk; send again.',
    cause:
      'The disk is full or failing. Nothing of the batch was kept, so sending it again is safe.',
    cure: 'The exporter retries by itself. `details` has the system’s error: free space, or check the disk.',
  },
  SPOOL_FRAME_CORRUPT: {
    status: 500,
    message: 'A part of the spool was damaged and has been set aside.',
    cause: 'A disk error or a foreign hand; a half-written end after a crash is not this.',
    cure: 'The bytes are kept in the folder `quarantine` of the data directory. Check the disk.',
  },
  RECEIVER_BUSY: {
    status: 503,
    message: 'Too much is being received at once; send again.',
    cause:
      'The bodies in flight together exceed `ingest.maxPendingBytes`, or the receiver is restarting.',
    cure: 'The exporter retries by itself. If it stays: send fewer batches at a time, or raise the setting.',
  },
  RECEIVER_UNAVAILABLE: {
    status: 503,
    message: 'The receiver does not answer.',
    cause: 'Its worker thread died and is being started again, or Perfloop is shutting down.',
    cure: 'Wait a moment; the log has the reason. What was acknowledged is in the spool.',
  },
  PORT_IN_USE: {
    status: 503,
    message: 'A port is already in use.',
    cause:
      'Another program, perhaps an OpenTelemetry Collector or another Perfloop, listens there.',
    cure: 'Stop it, or choose another port (--port, --otlp-http, --otlp-grpc).',
  },
  // ── Analyze ──────────────────────────────────────────────────────────────
  ANALYZER_FAILED: {
    status: 500,
    message: 'An analyzer failed while judging its evidence.',
    cause: 'A defect in the analyzer, or a time or row limit was passed.',
    cure: 'It is disabled after repeated faults, until the next start, and listed under health; the others go on.',
  },
  TRACE_FILE_UNREADABLE: {
    status: 400,
    message: 'A trace file cannot be read.',
    cause: 'It does not exist or is not OTLP JSON (one export request, or one a line).',
    cure: 'Write it with an OTLP file exporter; `details` tells where reading stopped.',
  },
  // ── Optimize ─────────────────────────────────────────────────────────────
  TARGET_UNREACHABLE: {
    status: 502,
    message: 'The target did not answer.',
    cause: 'The database is down, the DSN is wrong, or the role may not connect.',
    cure: 'Check the DSN of the target; `details` has the database’s own words.',
  },
  TARGET_PERMISSION_DENIED: {
    status: 502,
    message: 'The target refused for lack of permission.',
    cause: 'Perfloop’s role on the target may look but not change.',
    cure: 'Apply the change by hand from the optimization page, or grant the role what `details` names.',
  },
  TARGET_NAME_TAKEN: {
    status: 409,
    message: 'A target of this name exists already.',
    cause: 'Names of targets are unique in their environment.',
    cure: 'Give it another name, or remove the target that `details` names first.',
  },
  TARGET_IN_USE: {
    status: 409,
    message: 'The target has changes that Perfloop made.',
    cause: 'Without the target, its changes could be neither judged nor taken back.',
    cure: 'Roll back the optimizations that `details` names first. Or remove it with `force=true`: the changes stay, and their undo, which the ledger keeps, is left to you.',
  },
  CHANGE_FAILED: {
    status: 502,
    message: 'The change could not be made; what was begun has been taken back.',
    cause:
      'The target refused it: a lock timeout, a lack of disk, or a change of schema meanwhile.',
    cure: '`details` has the target’s own words. Approve again at a quieter time.',
  },
  KILL_SWITCH_ENGAGED: {
    status: 409,
    message: 'The kill switch is engaged: nothing is applied.',
    cause: 'Somebody stopped all changes.',
    cure: 'Release it under Targets when it is safe again.',
  },
  // ── Demo ─────────────────────────────────────────────────────────────────
  DEMO_MISSING: {
    status: 500,
    message: 'The demo shop is not installed.',
    cause: 'It comes with a clone of the repository, not with the published package.',
    cure: 'Clone the repository, run `npm ci` in it and then `npm run demo`.',
  },
  DEMO_PART_FAILED: {
    status: 500,
    message: 'A part of the demo failed.',
    cause: 'The shop, its load or its database ended, or Perfloop refused what the demo asked.',
    cure: '`details` has its last words. Start again without --data, or report it.',
  },
} as const satisfies Record<
  string,
  { status: number; message: string; cause: string; cure: string }
>

export type ErrorCode = keyof typeof ERRORS

export class PerfloopError extends Error {
  override readonly name = 'PerfloopError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(ERRORS[code].message, { cause })
    this.code = code
    this.details = details
  }
}
