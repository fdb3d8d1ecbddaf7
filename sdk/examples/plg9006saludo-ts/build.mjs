// Makes one file of the program: bin/any/main.js holds the plug-in, its libraries and the contract, so that a package
// needs no node_modules. The same sources give the same bytes.
import { build } from 'esbuild';
import protobuf from 'protobufjs';

const root = new protobuf.Root();
root.resolvePath = (_from, name) => (protobuf.common.get(name) ? name : new URL(`../../proto/${name}`, import.meta.url).pathname);
await root.load('plg/v1/plugin.proto');

const contract = {
  name: 'contract',
  setup(b) {
    b.onResolve({ filter: /^contract$/ }, () => ({ path: 'contract', namespace: 'contract' }));
    b.onLoad({ filter: /.*/, namespace: 'contract' }, () => ({ contents: JSON.stringify(root.toJSON()), loader: 'json' }));
  },
};

const common = { bundle: true, platform: 'node', target: 'node18', format: 'cjs', plugins: [contract], logLevel: 'warning', legalComments: 'none' };
await build({ ...common, entryPoints: ['src/main.ts'], outfile: 'bin/any/main.js', minify: true });
await build({ ...common, entryPoints: ['test/saludo.test.ts'], outfile: 'dist/test.js' });
