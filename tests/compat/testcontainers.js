// SPDX-License-Identifier: Apache-2.0
// testcontainers-node as a project's tests use it. Prints "ok …" lines; what it leaves is its reaper's.
'use strict';
const assert = require('assert');
const net = require('net');
const { GenericContainer, Network, Wait } = require('testcontainers');

const step = async (name, fn) => {
  try {
    const value = await fn();
    console.log('ok testcontainers: ' + name);
    return value;
  } catch (e) {
    console.log('not ok testcontainers: ' + name + '\n' + (e.stack || e));
    process.exit(1);
  }
};
const hear = (host, port) => new Promise((done, fail) => {
  const s = net.connect(port, host);
  let said = '';
  s.on('data', (d) => { said += d; }).on('end', () => done(said)).on('error', fail);
});

(async () => {
  const network = await step('a network', () => new Network().start());
  const web = await step('a server, waited for by its port', () => new GenericContainer('busybox')
    .withCommand(['sh', '-c', 'echo ready; while :; do echo served | nc -l -p 80; done']).withExposedPorts(80)
    .withNetwork(network).withNetworkAliases('web').withEnvironment({ WHO: 'me' }).withLabels({ mine: '1' })
    .withTmpFs({ '/scratch': 'rw,size=1m' }).withCopyContentToContainer([{ content: 'copied', target: '/etc/content' }])
    .withWaitStrategy(Wait.forListeningPorts()).withStartupTimeout(20000).start());
  await step('its port', async () => {
    for (let i = 0; i < 100; i++) { // the server is away between two clients
      const said = await hear(web.getHost(), web.getMappedPort(80)).catch(() => '');
      if (said === 'served\n') return;
      await new Promise((r) => setTimeout(r, 50));
    }
    throw new Error('nothing was served');
  });
  await step('exec', async () => {
    const r = await web.exec(['sh', '-c', 'cat /etc/content; echo $WHO; exit 3']);
    assert.deepStrictEqual([r.output, r.exitCode], ['copiedme\n', 3]);
  });
  await step('waited for by a line of its log', async () => {
    const one = await new GenericContainer('busybox').withCommand(['sh', '-c', 'echo is up; exec sleep 1000'])
      .withNetwork(network).withWaitStrategy(Wait.forLogMessage('is up')).withStartupTimeout(20000).start();
    const r = await one.exec(['nslookup', 'web']);
    assert.match(r.output, /Address/);
    await one.restart({ timeout: 0 });
    await one.stop({ timeout: 0 });
  });
  await step('waited for by its health', () => new GenericContainer('busybox').withCommand(['sleep', '1000'])
    .withHealthCheck({ test: ['CMD-SHELL', 'true'], interval: 100, timeout: 1000, retries: 3, startPeriod: 0 })
    .withWaitStrategy(Wait.forHealthCheck()).withStartupTimeout(20000).start());
  await step('a command that ends', () => new GenericContainer('busybox').withCommand(['true'])
    .withWaitStrategy(Wait.forOneShotStartup()).withStartupTimeout(20000).start());
  await step('a port that is taken', () => new GenericContainer('busybox').withCommand(['sleep', '1000'])
    .withExposedPorts({ container: 80, host: web.getMappedPort(80) }).withStartupTimeout(5000).start()
    .then(() => { throw new Error('it started'); }, (e) => assert.match(String(e), /port is already allocated/)));
  process.exit(0); // nothing is stopped
})();
