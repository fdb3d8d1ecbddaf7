package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nodeProgramText tries what a plugin on Node.js does, and what it must not do, and says how that went.
const nodeProgramText = `
const fs = require('fs'), net = require('net'), path = require('path'), http2 = require('http2')
const say = (what, err) => console.error(what + ': ' + (err ? err.code || err : 'ok'))
const attempt = (what, f) => { try { f(); say(what) } catch (err) { say(what, err) } }
attempt('own file', () => fs.readFileSync(__filename))
attempt('secret', () => fs.readFileSync(path.join(__dirname, '..', '..', '..', 'secret')))
attempt('child', () => { const r = require('child_process').spawnSync(process.execPath, ['-v']); if (r.error) throw r.error })
const server = http2.createServer()
server.on('error', err => say('listen', err))
server.listen(path.join(process.env.PLUGIN_UNIX_SOCKET_DIR, 'socket'), () => {
	say('listen')
	const out = net.connect(9, '127.0.0.1')
	out.on('error', err => { say('connect', err); console.error('end'); process.exit(3) })
})
`

func TestAPluginOnNodeRunsInItsBounds(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Log("this machine has no Node.js:", err)
		return
	}
	dir := shortDir(t)
	touch(t, dir, "secret")
	folder := filepath.Join(dir, "plg9001prueba")
	check(t, os.MkdirAll(filepath.Join(folder, "bin", "any"), 0o700))
	check(t, os.WriteFile(filepath.Join(folder, "plugin.yaml"), []byte(manifestOf(one, "1.0.0", "1")+"runtime: node\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(folder, "bin", "any", "main.js"), []byte(nodeProgramText), 0o600))
	pkg, err := Open(folder)
	check(t, err)
	h := &house{dir: dir, log: &lines{}, reader: &keyspace{}}
	h.manage(t, []*Package{pkg}, Policy{Strikes: 1})
	if err := h.Start(t.Context(), one); err == nil {
		t.Fatal("it is no plugin")
	}
	log := strings.Join(h.info(one).LastLog, "\n")
	for _, want := range []string{"own file: ok", "secret: EACCES", "child: EPERM", "listen: ok", "connect: EACCES", "end"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing in:\n%s", want, log)
		}
	}
}
