// SPDX-License-Identifier: Apache-2.0
// Every public method of dockerode that concerns one engine, and what it gives: lines for
// recorded.py.    usage: node dockerode_methods.js SOCKET    needs HOST, IMAGES in the environment
'use strict';
const fs = require('fs');
const { PassThrough, Readable, Writable } = require('stream');
const Docker = require('dockerode');

const docker = new Docker({ socketPath: process.argv[2], version: 'v1.41' });
const say = (...words) => process.stdout.write(words.join('\t') + '\n');

// ---- who is called ----
const kinds = { Docker: docker };
for (const k of ['Container', 'Image', 'Volume', 'Network', 'Exec']) kinds[k] = docker['get' + k]('x');
for (const [kind, one] of Object.entries(kinds)) {
  const proto = Object.getPrototypeOf(one);
  for (const name of Object.getOwnPropertyNames(proto)) {
    const fn = proto[name];
    if (name === 'constructor' || name.startsWith('_') || typeof fn !== 'function') continue;
    say('method', `${kind}.${name}`);
    proto[name] = function (...args) {
      say('called', `${kind}.${name}`);
      return fn.apply(this, args);
    };
  }
}

// ---- what it gives ----
const text = (stream) => new Promise((done, fail) => {
  const chunks = [];
  stream.on('data', (c) => chunks.push(Buffer.from(c)));
  stream.on('end', () => done(Buffer.concat(chunks)));
  stream.on('error', fail);
});
async function plain(value) {
  if (value && value.modem) return value.constructor.name; // an object of dockerode's
  if (Buffer.isBuffer(value)) return value.toString();
  if (value && typeof value.on === 'function') return (await text(value)).toString();
  return value === undefined ? null : value;
}
async function tried(fn) {
  try {
    return await plain(await fn());
  } catch (e) {
    return { error: e.reason || e.code || null, status: e.statusCode || null, message: (e.json && e.json.message) || e.message };
  }
}
async function test(name, fn, word = 'case') {
  const value = await tried(fn);
  say(word, name, JSON.stringify(value));
  return value;
}
const shape = (name, fn) => test(name, fn, 'shape');
const fails = (name, fn) => test(name, async () => 'error' in Object(await tried(fn)));
async function until(fn) {
  for (let i = 0; i < 500 && !(await fn()); i++) await new Promise((r) => setTimeout(r, 20));
}
const progress = (stream) => new Promise((done, fail) =>
  docker.modem.followProgress(stream, (e, out) => (e ? fail(e) : done(out))));
// What a build says of its steps and prints in them; without ids and what each engine does beside.
const built = (lines) => lines.map((l) => l.stream || '').join('').split('\n').filter((l) => /^(Step|Successfully|out) /.test(l)).concat(lines.filter((l) => l.error).map((l) => l.error));
// Of an archive of images.
function tagsIn(archive) {
  for (let at = 0; at + 512 <= archive.length;) {
    const head = archive.subarray(at, at + 512), size = parseInt(head.toString('latin1', 124, 135), 8) || 0;
    if (head.toString('latin1', 0, 14) === 'manifest.json\0') return JSON.parse(archive.subarray(at + 512, at + 512 + size)).flatMap((i) => i.RepoTags || []).sort();
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error('there is no manifest.json');
}
// A tar of one file.
function tar(name, content) {
  const head = Buffer.alloc(512);
  head.write(name);
  head.write('0000644\0' + '0000000\0' + '0000000\0' + content.length.toString(8).padStart(11, '0') + '\0' + '00000000001\0' + ' '.repeat(8) + '0', 100);
  head.write('ustar\0' + '00', 257);
  head.write(head.reduce((a, b) => a + b).toString(8).padStart(6, '0') + '\0 ', 148);
  return Buffer.concat([head, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0')), Buffer.alloc(1024)]);
}
const hidden = () => new Writable({ write(c, e, done) { done(); } });

async function main() {
  // ---- the engine ----
  await test('ping', () => docker.ping());
  await shape('version', () => docker.version());
  await shape('info', () => docker.info());
  await shape('df', () => docker.df());
  await fails('checkAuth: a server that is not there', () => docker.checkAuth({ username: 'u', password: 'p', serveraddress: 'http://127.0.0.1:1' }));

  // ---- images ----
  await test('listImages', () => docker.listImages());
  await test('pull', async () => (await progress(await docker.pull('127.0.0.1:5000/busybox:latest'))).map((l) => l.status.split(' ')[0]).sort());
  await fails('pull: none', async () => progress(await docker.pull('127.0.0.1:5000/nosuch:latest')));
  await test('pullAll', async () => (await progress(await docker.pullAll('127.0.0.1:5000/busybox'))).length > 0);
  await test('createImage', async () => (await progress(await docker.createImage({ fromImage: '127.0.0.1:5000/busybox', tag: 'latest' }))).length > 0);
  await test('followProgress', async () => new Promise((done, fail) => docker.createImage({ fromImage: '127.0.0.1:5000/busybox', tag: 'latest' }).then((s) => docker.followProgress(s, (e, out) => (e ? fail(e) : done(out.length > 0)), () => {}))));
  await test('importImage', async () => (await text(await docker.importImage(Readable.from([tar('f', 'x')]), { repo: 'imported', tag: '1' }))).toString().split('"')[1]);
  await test('loadImage', async () => (await text(await docker.loadImage(fs.createReadStream(process.env.IMAGES + '/busybox.tar'), { quiet: true }))).toString());
  const image = docker.getImage('busybox');
  await test('Image.inspect', () => image.inspect());
  await test('Image.inspect: none', () => docker.getImage('nosuch').inspect());
  await test('Image.history', async () => (await image.history()).map((h) => h.CreatedBy));
  await test('Image.tag', () => image.tag({ repo: 'one', tag: '1' }));
  await test('Image.remove', () => docker.getImage('one:1').remove());
  await test('Image.remove: none', () => docker.getImage('one:1').remove());
  await test('Image.get: the tags in it', async () => tagsIn(await text(await image.get())));
  await test('Image.get: none', () => docker.getImage('nosuch').get());
  await image.tag({ repo: 'two', tag: '1' });
  await image.tag({ repo: 'two', tag: '2' });
  await test('getImages', async () => tagsIn(await text(await docker.getImages({ names: ['two:1', 'two:2'] }))));
  const saved = await text(await docker.getImages({ names: 'two:1' }));
  await docker.getImage('two:1').remove();
  await test('loadImage: what was saved', async () => (await progress(await docker.loadImage(Readable.from([saved])))).map((l) => l.stream).join(''));
  await test('loadImage: it is the same', async () => (await docker.getImage('two:1').inspect()).Id === (await image.inspect()).Id);
  await test('Image.distribution', () => docker.getImage('127.0.0.1:5000/busybox').distribution());
  await fails('Image.distribution: none', () => docker.getImage('127.0.0.1:5000/nosuch').distribution());
  await fails('searchImages: a registry that is not there', () => docker.searchImages({ term: '127.0.0.1:1/x' }));

  // ---- builds ----
  const dir = process.env.HOST + '/context';
  fs.mkdirSync(dir);
  fs.writeFileSync(dir + '/Dockerfile', 'FROM busybox\nARG WHO=nobody\nCOPY f /f\nRUN echo out $WHO; cat /f\nCMD ["cat", "/f"]\n');
  fs.writeFileSync(dir + '/f', 'out of the context\n');
  fs.writeFileSync(dir + '/Fails', 'FROM busybox\nRUN echo out; exit 3\n');
  const build = async (file, options) => built(await progress(await docker.buildImage(file, { rm: true, forcerm: true, ...options })));
  await test('buildImage: files', () => build({ context: dir, src: ['Dockerfile', 'f'] }, { t: 'built:1', buildargs: { WHO: 'somebody' } }));
  await test('buildImage: what it made', async () => { const { Config: { Cmd, Entrypoint } } = await docker.getImage('built:1').inspect(); return { Cmd, Entrypoint }; });
  await test('buildImage: a stream', () => build(Readable.from([tar('Dockerfile', 'FROM busybox\nRUN echo out of a stream\n')]), { t: 'built:2', labels: { l: '1' } }));
  await test('buildImage: its label', async () => (await docker.getImage('built:2').inspect()).Config.Labels);
  await test('buildImage: a step fails', () => build({ context: dir, src: ['Fails'] }, { dockerfile: 'Fails' }));
  await fails('buildImage: no Dockerfile', () => build({ context: dir, src: ['f'] }, {}));
  await test('pruneImages', async () => Object.keys(await docker.pruneImages()).sort());
  await test('pruneBuilder', async () => Object.keys(await docker.pruneBuilder()).sort());

  // ---- volumes ----
  await test('createVolume', () => docker.createVolume({ Name: 'v1', Labels: { a: 'b' } }));
  await test('listVolumes', () => docker.listVolumes());
  await test('Volume.inspect', () => docker.getVolume('v1').inspect());
  await test('Volume.inspect: none', () => docker.getVolume('nosuch').inspect());
  await test('Volume.remove', () => docker.getVolume('v1').remove());
  await docker.createVolume({});
  await test('pruneVolumes', async () => (await docker.pruneVolumes()).VolumesDeleted.length);

  // ---- networks ----
  await test('createNetwork', () => docker.createNetwork({ Name: 'n1', IPAM: { Config: [{ Subnet: '10.9.1.0/24' }] }, Options: { 'com.docker.network.bridge.name': 'br-n1' } }));
  await test('createNetwork: taken', () => docker.createNetwork({ Name: 'n1', CheckDuplicate: true }));
  await test('listNetworks', async () => (await docker.listNetworks()).map((n) => n.Name).sort());
  await test('Network.inspect', () => docker.getNetwork('n1').inspect());
  await test('Network.inspect: none', () => docker.getNetwork('nosuch').inspect());

  // ---- containers ----
  const c = docker.getContainer('aa');
  await test('createContainer', () => docker.createContainer({
    name: 'aa', Image: 'busybox', Cmd: ['sh', '-c', 'echo out; exec sleep 1000'], Hostname: 'hosta', Env: ['K=V'], Labels: { l: '1' },
    ExposedPorts: { '80/tcp': {} }, Volumes: { '/v': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8081' }] }, Memory: 64 << 20 } }));
  await test('createContainer: no image', () => docker.createContainer({ Image: 'nosuch' }));
  await test('Container.start', () => c.start());
  await test('Container.start: again', () => c.start());
  await until(async () => (await c.logs({ stdout: true })).length > 0);
  await test('Container.inspect', () => c.inspect());
  await test('Container.inspect: none', () => docker.getContainer('nosuch').inspect());
  await test('listContainers', () => docker.listContainers({ all: true }));
  await test('Container.top', async () => (await c.top()).Titles);
  await test('Container.changes', async () => (await c.changes() || []).map((d) => d.Path));
  await test('Container.logs', async () => (await c.logs({ stdout: true, follow: false })).toString('latin1'));
  await test('Container.logs: no stream', () => c.logs({}));
  await shape('Container.stats', async () => { const s = await c.stats({ stream: false }); return { name: s.name, cpu: Object.keys(s.cpu_stats).sort().join(), memory: typeof s.memory_stats.usage }; });
  await test('Container.pause', () => c.pause());
  await test('Container.unpause', () => c.unpause());
  await test('Container.update', () => c.update({ CpuShares: 99 }));
  await test('Container.rename', () => c.rename({ name: 'bb' }));
  await test('Container.rename: back', () => docker.getContainer('bb').rename({ name: 'aa' }));
  await test('Container.putArchive', async () => (await plain(await c.putArchive(tar('put', 'data'), { path: '/tmp' }))));
  await test('Container.infoArchive', async () => JSON.parse(Buffer.from((await c.infoArchive({ path: '/tmp/put' })).headers['x-docker-container-path-stat'], 'base64')).name);
  await test('Container.getArchive', async () => (await text(await c.getArchive({ path: '/tmp/put' }))).toString().includes('data'));
  await fails('Container.getArchive: none', () => c.getArchive({ path: '/nosuch' }));
  await fails('Container.copy: gone since 1.24', () => c.copy({ Resource: '/tmp/put' }));
  await test('Container.export', async () => (await text(await c.export())).length > 10240);
  await test('Container.commit', async () => 'Id' in (await c.commit({ repo: 'committed', tag: '1' })));
  const exec = await c.exec({ Cmd: ['sh', '-c', 'echo o; echo e >&2; exit 3'], AttachStdout: true, AttachStderr: true });
  await test('Exec.start', async () => {
    const all = { o: '', e: '' }, out = new PassThrough(), err = new PassThrough(), stream = await exec.start({});
    docker.modem.demuxStream(stream, out, err);
    out.on('data', (d) => { all.o += d; });
    err.on('data', (d) => { all.e += d; });
    await new Promise((done) => stream.on('end', done));
    return all;
  });
  await until(async () => !(await exec.inspect()).Running);
  await test('Exec.inspect', () => exec.inspect());
  await test('Exec.inspect: none', () => docker.getExec('0'.repeat(64)).inspect());
  const tty = await c.exec({ Cmd: ['sleep', '1000'], Tty: true, AttachStdout: true });
  (await tty.start({ Tty: true })).on('data', () => {});
  await test('Exec.resize', () => tty.resize({ h: 10, w: 20 }));
  await test('Container.exec: none', () => docker.getContainer('nosuch').exec({ Cmd: ['true'] }));
  await test('Container.attach', async () => { const s = await c.attach({ stream: true, stdout: true }); s.destroy(); return typeof s.on; });
  await test('Network.connect', async () => { await docker.createNetwork({ Name: 'n2' }); return docker.getNetwork('n2').connect({ Container: 'aa' }); });
  await test('Network.disconnect', () => docker.getNetwork('n2').disconnect({ Container: 'aa' }));
  await test('Network.remove', () => docker.getNetwork('n2').remove());
  await test('Network.remove: none', () => docker.getNetwork('n2').remove());
  await test('pruneNetworks', () => docker.pruneNetworks());
  await test('Container.restart', () => c.restart({ t: 0 }));
  await fails('Container.remove: runs', () => c.remove());
  await test('Container.kill', () => c.kill());
  await test('Container.wait', () => c.wait());
  await test('Container.kill: stopped', () => c.kill());
  await fails('Container.resize: stopped', () => c.resize({ h: 10, w: 20 }));
  await test('Container.stop: stopped', () => c.stop());
  await test('getEvents', async () => (await text(await docker.getEvents({ since: 1, until: Math.floor(Date.now() / 1000) + 1, filters: { container: ['aa'], event: ['create', 'start', 'die', 'kill'] } })))
    .toString().trim().split('\n').map((l) => JSON.parse(l).Action));
  await test('Container.remove', () => c.remove({ v: true }));
  await test('run', async () => { const [data, one] = await docker.run('busybox', ['sh', '-c', 'exit 5'], hidden()); await one.remove(); return data; });
  await test('runPromise', async () => { const [data, one] = await docker.runPromise('busybox', ['true'], hidden(), {}, {}); await one.remove(); return data; });
  await test('runCallback', () => new Promise((done, fail) => docker.runCallback('busybox', ['true'], hidden(), {}, {}, (e, data, one) => (e ? fail(e) : one.remove(() => done(data))))));
  await docker.createContainer({ Image: 'busybox' });
  await test('pruneContainers', async () => (await docker.pruneContainers()).ContainersDeleted.length);
  say('end');
}
main().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
