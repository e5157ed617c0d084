// Drives the official client: `node oracle.mjs upload NAME FILE | download NAME FOLDER | list | delete NAME`.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
const require = createRequire(process.cwd() + '/')
const found = pathToFileURL(require.resolve.paths('')[0] + '/@actions/artifact/lib/artifact.js')
const loaded = await import(found)
const client = new (loaded.DefaultArtifactClient ?? loaded.default.DefaultArtifactClient)()
const [verb, name, path] = process.argv.slice(2)
let answer
if (verb === 'upload') answer = await client.uploadArtifact(name, [path], path.replace(/\/[^/]*$/, ''))
if (verb === 'list') answer = await client.listArtifacts()
if (verb === 'delete') answer = await client.deleteArtifact(name)
if (verb === 'download') {
  const { artifact } = await client.getArtifact(name)
  answer = await client.downloadArtifact(artifact.id, { path, expectedHash: artifact.digest })
}
console.log('\nANSWER ' + JSON.stringify(answer))
