// A real daemon with the project's own clients, on ports that the system chooses.
import {execFile, spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);

export class RealDaemon {
  // `extra`: lines of configuration beyond the ports.
  static async start(extra = '') {
    const daemon = new RealDaemon();
    daemon.folder = await mkdtemp(path.join(os.tmpdir(), 'eldr-page-'));
    const config = path.join(daemon.folder, 'eldrd.yaml');
    const http = /^http:/m.test(extra) ? '' : 'http: {listen: "127.0.0.1:0"}\n';
    await writeFile(config, `grpc: {listen: ["127.0.0.1:0"]}\n${http}${extra}`);
    daemon.process = spawn(process.env.ELDRD, ['--config', config], {stdio: ['ignore', 'ignore', 'pipe']});
    daemon.children = [];
    daemon.log = '';
    await daemon.listening();
    return daemon;
  }

  // The log tells the ports.
  listening() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`eldrd did not start: ${this.log}`)), 20000);
      this.process.on('exit', (code) => reject(new Error(`eldrd ended with ${code}: ${this.log}`)));
      this.process.stderr.on('data', (data) => {
        this.log = (this.log + data).slice(-20000);
        const found = / started .*\bgrpc=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)/.exec(this.log);
        if (!found) return;
        clearTimeout(late);
        [this.grpc, this.http] = [`127.0.0.1:${found[1]}`, Number(found[2])];
        this.url = `http://127.0.0.1:${this.http}/ui/`;
        resolve();
      });
    });
  }

  // A load that goes on until the daemon is stopped.
  load(...options) {
    const child = spawn(process.env.ELDR_LOADGEN, ['--target', this.grpc, '--warmup', '0s', ...options], {stdio: 'ignore'});
    this.children.push(child);
    return child;
  }

  ctl(...options) {
    return run(process.env.ELDRCTL, ['--target', this.grpc, ...options]);
  }

  api(name) {
    return fetch(`http://127.0.0.1:${this.http}/api/v1/${name}`).then((response) => response.json());
  }

  async stop() {
    for (const child of [...this.children, this.process]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.removeAllListeners('exit');
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    await rm(this.folder, {recursive: true, force: true});
  }
}
