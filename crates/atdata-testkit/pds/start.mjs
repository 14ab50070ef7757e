// A Personal Data Server and the did:plc directory that it registers accounts with, in one process, on the loopback
// interface.
//
// It runs in a directory of its own, which has
//   options.json   { pdsPort, plcPort: 0 for any, accessSeconds: 0 for the usual life of access tokens, environment }
//   ready.json     written when both answer: { pid, pdsPort, plcPort }
//   data/          everything that a later start in the same directory finds again
// It ends when it is told to by SIGTERM.

import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HOST = '127.0.0.1'
const directory = dirname(fileURLToPath(import.meta.url))
const options = JSON.parse(await readFile(join(directory, 'options.json'), 'utf8'))

// Takes a port now, and gives it to the server when that wants to listen: nobody else has it meanwhile.
async function takePort(wanted) {
  const placeholder = createServer()
  await new Promise((resolve, reject) => placeholder.once('error', reject).listen(wanted, HOST, resolve))
  const { port } = placeholder.address()
  const giveTo = (app) => {
    // Left alone, the servers would listen on every interface.
    const listen = app.listen.bind(app)
    app.listen = () => {
      placeholder.close()
      return listen(port, HOST)
    }
  }
  return { port, giveTo }
}

// The directory's own data base for tests keeps everything in memory. What it accepts is written to a file, and
// accepted again at the next start.
async function directoryOfAccounts({ Database }, file) {
  const database = Database.mock()
  const accept = database.validateAndAddOp.bind(database)
  const earlier = await readFile(file, 'utf8').catch(() => '')
  for (const line of earlier.split('\n')) {
    if (line) await accept(...JSON.parse(line))
  }
  database.validateAndAddOp = async (did, operation) => {
    await accept(did, operation)
    await appendFile(file, JSON.stringify([did, operation]) + '\n')
  }
  return database
}

// The server has no setting for how long its access tokens live.
async function shortenAccessTokens(seconds) {
  const { SignJWT } = await import('jose')
  const usual = SignJWT.prototype.setExpirationTime
  SignJWT.prototype.setExpirationTime = function (time) {
    return usual.call(this, time === '120mins' ? `${seconds}s` : time)
  }
}

const data = join(directory, 'data')
await mkdir(join(data, 'blobs'), { recursive: true })
const [pdsPort, plcPort] = await Promise.all([takePort(options.pdsPort), takePort(options.plcPort)])

// What whoever starts this has set for another server is not for this one.
for (const name of Object.keys(process.env)) {
  if (name.startsWith('PDS_')) delete process.env[name]
}
Object.assign(process.env, {
  NODE_ENV: 'test',
  LOG_ENABLED: 'false',
  // Lets it speak plain HTTP with addresses of this machine.
  PDS_DEV_MODE: 'true',
  // The server says of any other name that it is reached by TLS.
  PDS_HOSTNAME: 'localhost',
  PDS_PORT: String(pdsPort.port),
  // By name: an address in numbers is refused.
  PDS_DID_PLC_URL: `http://localhost:${plcPort.port}`,
  PDS_DATA_DIRECTORY: data,
  PDS_BLOBSTORE_DISK_LOCATION: join(data, 'blobs'),
  PDS_INVITE_REQUIRED: 'false',
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  ...options.environment,
})

// Read only now, for some look at the environment when they are loaded.
const { PDS, envToCfg, envToSecrets, readEnv } = await import('@atproto/pds')
const plcServer = await import('@did-plc/server')
if (options.accessSeconds > 0) await shortenAccessTokens(options.accessSeconds)

const database = await directoryOfAccounts(plcServer, join(data, 'plc.jsonl'))
const plc = plcServer.PlcServer.create({ db: database, port: plcPort.port })
plcPort.giveTo(plc.app)
await plc.start()
const environment = readEnv()
const pds = await PDS.create(envToCfg(environment), envToSecrets(environment))
pdsPort.giveTo(pds.app)
await pds.start()

process.once('SIGTERM', async () => {
  // Calls may end; connections that are only kept open do not hold up the end. Data are safe at any time.
  setTimeout(() => process.exit(0), 300).unref()
  await Promise.allSettled([pds.destroy(), plc.destroy()])
  process.exit(0)
})

const ready = { pid: process.pid, pdsPort: pdsPort.port, plcPort: plcPort.port }
// Whoever waits for the file finds all of it.
await writeFile(join(directory, 'ready.part'), JSON.stringify(ready))
await rename(join(directory, 'ready.part'), join(directory, 'ready.json'))
