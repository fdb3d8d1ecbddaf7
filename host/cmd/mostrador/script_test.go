package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// programs returns the folder with the built programs and plug-ins: MOSTRADOR_BIN, or what this builds once.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("MOSTRADOR_BIN"); dir != "" {
		return dir
	}
	built.Do(func() {
		if buildDir, buildErr = os.MkdirTemp("", "mostrador-cli-"); buildErr != nil {
			return
		}
		cmd := exec.Command("make", "programs", "BIN="+buildDir)
		cmd.Dir = filepath.Join("..", "..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("make programs: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return buildDir
}

var (
	built    sync.Once
	buildDir string
	buildErr error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// TestScripts runs the command line as its users do: the real program, real plug-ins, one script a home folder.
// A script says, a line each,
//
//	done ARGS, refused ARGS, misused ARGS   run mostrador with ARGS; the exit code must be 0, 1, 2
//	out TEXT, noout TEXT, err TEXT          what the last command said (did not say)
//	json PATH VALUE                         the value at a path such as customers.0.phone in its JSON
//	save NAME PATH                          keep that value as $NAME
//	find NAME EXPRESSION                    keep the first group of a regular expression over its output as $NAME
//	stdin TEXT                              what the next command reads
//	write FILE TEXT                         write a file
//	start, stop, kill                       the server of this home folder
//	press URL FIELD=VALUE...                what a customer does: open a page of the server's, fill its form in and press
//	                                        its button
//	visit URL                               open a page only
//	copy NAME, home NAME                    copy the closed home folder; go on with another one
//	await PATH VALUE ARGS                   run mostrador with ARGS until its JSON has that value
//
// Arguments may be quoted; \n in a text is a line's end.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlayer(t)
			number := 0
			for line := range strings.Lines(string(data)) {
				number++
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				if err := p.play(line); err != nil {
					t.Fatalf("%s:%d: %s\n%v\nstdout:\n%s\nstderr:\n%s", script, number, line, err, head(p.out), p.err)
				}
			}
		})
	}
}

// player plays one script.
type player struct {
	t          *testing.T
	program    string
	dir, home  string
	vars       map[string]string
	stdin      string
	out, err   string
	server     *exec.Cmd
	serverDone chan error
}

func newPlayer(t *testing.T) *player {
	bin := programs(t)
	dir := t.TempDir()
	p := &player{t: t, program: filepath.Join(bin, "mostrador"), dir: dir, home: filepath.Join(dir, "home"), vars: map[string]string{}}
	t.Cleanup(func() {
		if p.server != nil {
			_ = p.server.Process.Kill() // it may have ended
			<-p.serverDone
		}
	})
	return p
}

func (p *player) play(line string) error {
	words, err := split(os.Expand(line, func(name string) string {
		if value, ok := p.vars[name]; ok {
			return value
		}
		return "$" + name
	}))
	if err != nil {
		return err
	}
	verb, args := words[0], words[1:]
	switch verb {
	case "done":
		return p.run(done, args)
	case "refused":
		return p.run(refused, args)
	case "misused":
		return p.run(misuse, args)
	case "start":
		return p.start()
	case "stop":
		return p.end(os.Interrupt)
	case "kill":
		return p.end(os.Kill)
	case "copy":
		return os.CopyFS(filepath.Join(p.dir, args[0]), os.DirFS(p.home))
	case "home":
		p.home = filepath.Join(p.dir, args[0])
		return nil
	case "press":
		return p.press(args[0], args[1:])
	case "visit":
		return p.visit(args[0])
	case "await":
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if err := p.run(done, args[2:]); err != nil {
				return err
			}
			if got, err := p.at(args[0]); err != nil || got == args[1] || time.Now().After(deadline) {
				return errors.Join(err, contains(got, args[1], true))
			}
		}
	}
	text := strings.ReplaceAll(strings.Join(args, " "), `\n`, "\n")
	switch verb {
	case "out":
		return contains(p.out, text, true)
	case "noout":
		return contains(p.out, text, false)
	case "err":
		return contains(p.err, text, true)
	case "stdin":
		p.stdin = text
		return nil
	case "write":
		return os.WriteFile(filepath.Join(p.dir, args[0]), []byte(strings.ReplaceAll(strings.Join(args[1:], " "), `\n`, "\n")), 0o600)
	case "json":
		got, err := p.at(args[0])
		if want := strings.Join(args[1:], " "); err == nil && got != want {
			err = fmt.Errorf("%s is %q", args[0], got)
		}
		return err
	case "save":
		got, err := p.at(args[1])
		p.vars[args[0]] = got
		return err
	case "find":
		m := regexp.MustCompile(args[1]).FindStringSubmatch(p.out)
		if m == nil {
			return errors.New("not found")
		}
		p.vars[args[0]] = m[1]
		return nil
	}
	return fmt.Errorf("no such verb: %s", verb)
}

func (p *player) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.program, args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"MOSTRADOR_HOME=" + p.home, "LANG=es_ES.UTF-8", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	return cmd
}

func (p *player) run(want int, args []string) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	cmd := p.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.stdin), &out, &errs
	err := cmd.Run()
	p.stdin, p.out, p.err = "", out.String(), errs.String()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		return err
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		return fmt.Errorf("exit code %d, want %d", code, want)
	}
	if want == refused && p.err == "" {
		return errors.New("refused without a word")
	}
	return nil
}

func (p *player) start() error {
	cmd := p.command(context.WithoutCancel(p.t.Context()), "serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0")
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := make(chan string, 16)
	p.server, p.serverDone = cmd, make(chan error, 1)
	go func() {
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			lines <- scan.Text()
		}
		close(lines)
		p.serverDone <- cmd.Wait()
	}()
	select {
	case line, ok := <-lines:
		if !ok {
			return fmt.Errorf("the server ended: %s", log.String())
		}
		p.out = line
	case <-time.After(time.Minute):
		return errors.New("the server is not ready")
	}
	addresses := regexp.MustCompile(`http://\S+`).FindAllString(p.out, -1)
	if len(addresses) != 2 {
		return fmt.Errorf("the ready line is %q", p.out)
	}
	p.vars["api"], p.vars["web"] = addresses[0], addresses[1]
	return nil
}

func (p *player) end(how os.Signal) error {
	if err := p.server.Process.Signal(how); err != nil {
		return err
	}
	select {
	case err := <-p.serverDone:
		p.server = nil
		if how != os.Kill && err != nil {
			return fmt.Errorf("the server ended with %w", err)
		}
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("the server does not end")
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// visit fetches a page of the web tier.
func (p *player) visit(page string) error {
	get, err := http.Get(page)
	if err != nil {
		return err
	}
	defer get.Body.Close()
	body, err := io.ReadAll(get.Body)
	p.out = string(body)
	return err
}

// press fetches a page of the web tier and posts its form with what was filled in.
func (p *player) press(page string, filled []string) error {
	if err := p.visit(page); err != nil {
		return err
	}
	form := url.Values{}
	for _, field := range hiddenField.FindAllStringSubmatch(p.out, -1) {
		form.Add(field[1], html.UnescapeString(field[2]))
	}
	for _, field := range filled {
		name, value, _ := strings.Cut(field, "=")
		form.Add(name, value)
	}
	post, err := http.PostForm(page, form)
	if err != nil {
		return err
	}
	defer post.Body.Close()
	body, err := io.ReadAll(post.Body)
	p.out = string(body)
	if err == nil && post.StatusCode != http.StatusOK {
		err = errors.New(post.Status)
	}
	return err
}

// at returns the value at a path of the last command's JSON: customer.tags.0
func (p *player) at(path string) (string, error) {
	var value any
	decoder := json.NewDecoder(strings.NewReader(p.out))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return "", fmt.Errorf("no JSON: %w", err)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				return "", fmt.Errorf("there is no %s in %s", step, path)
			}
			value = next
		case []any:
			if step == "length" {
				return strconv.Itoa(len(v)), nil
			}
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return "", fmt.Errorf("there is no %s in %s", step, path)
			}
			value = v[i]
		default:
			return "", fmt.Errorf("there is no %s in %s", step, path)
		}
	}
	return fmt.Sprint(value), nil
}

func contains(text, part string, want bool) error {
	if strings.Contains(text, part) == want {
		return nil
	}
	return fmt.Errorf("%q is there: %v", part, !want)
}

// split cuts a line into words; a word, or a part of it, may stand in quotes.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	open := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && r == ' ':
			if open {
				words = append(words, word.String())
				word.Reset()
			}
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// head keeps a failure readable.
func head(text string) string {
	if len(text) > 1500 {
		return text[:1500] + "..."
	}
	return text
}
