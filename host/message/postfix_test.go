//go:build linux

package message

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sinkFor starts postfix's smtp-sink with options: it takes all mail, or does what they say.
func sinkFor(t *testing.T, options ...string) Settings {
	t.Helper()
	program := "/usr/sbin/smtp-sink"
	if _, err := os.Stat(program); err != nil {
		t.Fatal("these tests need Debian's postfix (make test installs it): ", err)
	}
	port := freePort(t)
	if os.Getuid() == 0 {
		options = append(options, "-u", "nobody")
	}
	cmd := exec.Command(program, append(options, fmt.Sprintf("127.0.0.1:%d", port), "100")...)
	run(t, cmd)
	return listening(t, port)
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// run starts a program that ends with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
}

// listening waits until something listens and returns settings for it.
func listening(t *testing.T, port int) Settings {
	t.Helper()
	eventually(t, func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	set := testSettings
	set.Server, set.Port, set.Encryption = "127.0.0.1", port, EncryptionNone
	return set
}

func TestPostfixsSinkInAllItsMoods(t *testing.T) {
	for name, test := range map[string]struct {
		options []string
		sent    bool
		failed  bool
		answer  string
	}{
		"takes it":                   {options: nil, sent: true},
		"takes it without a pipe":    {options: []string{"-p"}, sent: true},
		"takes it without EHLO":      {options: []string{"-e"}, sent: true},
		"4xx to the recipient":       {options: []string{"-r", "rcpt"}, answer: "450"},
		"4xx to the mail":            {options: []string{"-r", "."}, answer: "450"},
		"5xx to the recipient":       {options: []string{"-f", "rcpt"}, failed: true, answer: "500"},
		"5xx to the sender":          {options: []string{"-f", "mail"}, failed: true, answer: "500"},
		"5xx to the mail":            {options: []string{"-f", "."}, failed: true, answer: "500"},
		"421 to the recipient":       {options: []string{"-Q", "rcpt"}, answer: "421"},
		"hangs up at the recipient":  {options: []string{"-q", "rcpt"}, answer: "El envío se interrumpió"},
		"hangs up at the mail's end": {options: []string{"-q", "."}, answer: "El envío se interrumpió"},
		"stalls":                     {options: []string{"-W", "data:30"}, answer: "no respondió a tiempo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := sinkFor(t, test.options...)
			o := freshOutbox(t, set, func(c *Config) { c.Backoff = func(string, int) time.Duration { return time.Hour } })
			m := welcome("ana", 1)
			o.queue(m)
			switch {
			case test.sent:
				o.until(m.Id, sent)
			case test.failed:
				if row := o.until(m.Id, failed); !strings.Contains(row.LastAnswer, test.answer) {
					t.Error(row.LastAnswer)
				}
			default:
				eventually(t, func() bool { return o.get(m.Id).Message.Attempts == 1 })
				if row := o.get(m.Id).Message; row.State != queued || !strings.Contains(row.LastAnswer, test.answer) {
					t.Errorf("%v", row)
				}
			}
		})
	}
}

// postfix starts a whole Postfix with its own folders that keeps mail of tienda.test in maildirs.
func postfix(t *testing.T, restrictions string) (set Settings, boxes string) {
	t.Helper()
	master := "/usr/lib/postfix/sbin/master"
	if _, err := os.Stat(master); err != nil {
		t.Fatal("these tests need Debian's postfix (make test installs it): ", err)
	}
	if os.Getuid() != 0 {
		t.Skip("Postfix starts for root only")
	}
	dir, err := os.MkdirTemp("", "mostrador-postfix-") // t.TempDir is closed to Postfix's own user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	port := freePort(t)
	uid, err := exec.Command("id", "-u", "postfix").Output()
	if err != nil {
		t.Fatal("Postfix has no user: ", err)
	}
	owner := strings.TrimSpace(string(uid))
	boxes = filepath.Join(dir, "boxes")
	for _, sub := range []string{"conf", "spool", "data", "boxes"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"data", "boxes"} {
		if out, err := exec.Command("chown", "postfix", filepath.Join(dir, sub)).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	conf := filepath.Join(dir, "conf")
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
mail_owner = postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mx.tienda.test
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.0/8
mydestination =
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = tienda.test
virtual_mailbox_base = %[1]s/boxes
virtual_mailbox_maps = inline:{ { ana@tienda.test = ana/ }, { gris@tienda.test = gris/ } }
virtual_minimum_uid = 1
virtual_uid_maps = static:%[2]s
virtual_gid_maps = static:%[2]s
smtpd_recipient_restrictions = %[3]s permit_mynetworks, reject
smtpd_peername_lookup = no
disable_dns_lookups = yes
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
`, dir, owner, restrictions)
	services := fmt.Sprintf(`127.0.0.1:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`, port)
	for name, text := range map[string]string{"main.cf": main, "master.cf": services} {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("/usr/sbin/postfix", "-c", conf, "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v\n%s", err, out)
	}
	if out, err := exec.Command("/usr/sbin/postfix", "-c", conf, "start").CombinedOutput(); err != nil {
		t.Fatalf("postfix start: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		_ = exec.Command("/usr/sbin/postfix", "-c", conf, "stop").Run()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("%s", log)
		}
	})
	return listening(t, port), boxes
}

func TestPostfixTakesRefusesAndGreylists(t *testing.T) {
	set, boxes := postfix(t, `check_recipient_access inline:{ { gris@tienda.test = 450 4.2.0 Greylisted, come back later } },`)
	o := freshOutbox(t, set, func(c *Config) {
		c.Backoff = func(string, int) time.Duration { return time.Hour }
		c.Limits = DefaultLimits
	})
	good, nobody, grey := welcome("", 1), welcome("", 2), welcome("", 3)
	good.To, nobody.To, grey.To = "ana@tienda.test", "nadie@tienda.test", "gris@tienda.test"
	o.queue(good, nobody, grey)
	o.until(good.Id, sent)
	if row := o.until(nobody.Id, failed); !strings.Contains(row.LastAnswer, "550") || !strings.Contains(row.LastAnswer, "5.1.1") {
		t.Error(row.LastAnswer)
	}
	eventually(t, func() bool { return o.get(grey.Id).Message.Attempts == 1 })
	if row := o.get(grey.Id).Message; row.State != queued || !strings.Contains(row.LastAnswer, "Greylisted") {
		t.Errorf("%v", row)
	}
	var mail []byte
	eventually(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(boxes, "ana", "new", "*"))
		if len(files) == 1 {
			mail, _ = os.ReadFile(files[0])
		}
		return len(mail) > 0
	})
	kept := strings.ReplaceAll(string(o.get(good.Id).Eml), "\r\n", "\n")
	if !strings.HasSuffix(string(mail), kept) {
		t.Errorf("what arrived is not what is kept:\n%s\n%s", mail, kept)
	}
}
