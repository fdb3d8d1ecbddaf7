// Command plg9100hostil is every plug-in that no store wants: what it does is the default of the setting PLG9100Modo in
// the plugin.yaml beside it, since some of it happens before anybody could tell it anything. In between it is an
// ordinary plug-in, which counts the events of each customer; most of its evils wait for a customer whose name begins
// with "Veneno". What it tries against others it writes to its log, as "LOGRADO" when it succeeded and as "NEGADO" when
// it was kept from it.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

func main() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(self), "plugin.yaml"))
	if err != nil {
		panic(err)
	}
	m, err := manifest.Parse(text, "plugin.yaml")
	if err != nil {
		panic(err)
	}
	h := &hostile{id: m.ID, version: m.Version, mode: byDefault(m, "PLG9100Modo"), home: byDefault(m, "PLG9100Casa"), port: byDefault(m, "PLG9100Puerto")}
	h.begin()
	bundle, err := wire.ParseBundle(os.Getenv(wire.TLSVariable))
	if err != nil {
		panic(err)
	}
	config, err := bundle.ServerConfig()
	if err != nil {
		panic(err)
	}
	h.serve(config)
}

func byDefault(m *manifest.Manifest, key string) string {
	s, _ := m.Setting(key)
	text, _ := s.Default.(string)
	return text
}

type hostile struct {
	plgv1.UnimplementedPluginServer
	id, version, mode, home, port string

	mu    sync.Mutex
	conns []net.Conn
}

// begin is what happens before it serves.
func (h *hostile) begin() {
	switch h.mode {
	case "cuelga_al_arrancar":
		hang()
	case "muere_al_arrancar":
		fmt.Fprintln(os.Stderr, "no encuentro mi licencia")
		os.Exit(3)
	case "saluda_mal":
		fmt.Println("1|1|unix|/nowhere|netrpc")
		hang()
	case "otra_version":
		h.version = "6.6.6"
	case "muere_cada_rato":
		time.AfterFunc(300*time.Millisecond, func() { os.Exit(1) })
	case "quema":
		for range 2 * runtime.NumCPU() {
			go func() {
				for n := uint64(0); ; n++ {
					_ = n * n
				}
			}()
		}
	case "grita":
		go func() {
			for n := 0; ; n++ {
				fmt.Fprintf(os.Stderr, "{\"@level\":\"error\",\"@message\":\"línea %d %s\"}\n", n, strings.Repeat("ruido ", 20))
			}
		}()
	case "llena_salida":
		go func() {
			time.Sleep(50 * time.Millisecond) // after the handshake
			for {
				fmt.Println(strings.Repeat("salida ", 1000))
			}
		}()
	case "husmea":
		h.snoop()
	case "llama_fuera":
		h.phone()
	case "pare_hijos":
		h.breed()
	case "ataca":
		h.attack()
	}
}

// hang does nothing for longer than anybody waits. (With nothing but a select Go would call it a deadlock and end.)
func hang() { time.Sleep(24 * time.Hour) }

// serve serves until the host hangs up; in one mode not even then.
func (h *hostile) serve(config *tls.Config) {
	l, err := wire.Listen(h, config)
	if err != nil {
		panic(err)
	}
	l.Listener = &kept{l.Listener, h}
	fmt.Println(l.Handshake())
	if h.mode == "no_se_va" {
		l.Lasting = true
		_ = l.Serve()
		hang()
	}
	_ = l.Serve()
}

// kept remembers connections, to write beside TLS on them.
type kept struct {
	net.Listener
	h *hostile
}

func (k *kept) Accept() (net.Conn, error) {
	conn, err := k.Listener.Accept()
	if err == nil {
		k.h.mu.Lock()
		k.h.conns = append(k.h.conns, conn)
		k.h.mu.Unlock()
	}
	return conn, err
}

func (h *hostile) Describe(context.Context, *plgv1.DescribeRequest) (*plgv1.DescribeResponse, error) {
	return &plgv1.DescribeResponse{Id: h.id, Version: h.version, Api: wire.API}, nil
}

func (h *hostile) Work(stream plgv1.Plugin_WorkServer) error {
	for {
		request, err := stream.Recv()
		if err != nil {
			if h.mode != "no_se_va" {
				time.AfterFunc(50*time.Millisecond, func() { os.Exit(0) })
			}
			return err
		}
		if request.GetBatch() == nil {
			continue
		}
		done, err := h.batch(stream, request.GetBatch())
		if err != nil {
			return err
		}
		if err := stream.Send(done); err != nil {
			return err
		}
	}
}

func answer(outcomes ...*plgv1.Outcome) *plgv1.WorkResponse {
	return &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Batch{Batch: &plgv1.BatchDone{Outcomes: outcomes}}}
}

// batch counts, until a poisonous customer comes.
func (h *hostile) batch(stream plgv1.Plugin_WorkServer, b *plgv1.Batch) (*plgv1.WorkResponse, error) {
	states := map[string]int{}
	done := answer()
	if h.mode == "muere_siempre" {
		os.Exit(2)
	}
	for _, d := range b.GetDeliveries() {
		e := &plgv1.Event{}
		if err := proto.Unmarshal(d.GetEvent(), e); err != nil {
			return nil, err
		}
		id := e.GetCustomer().GetId()
		if _, met := states[id]; !met {
			states[id], _ = strconv.Atoi(string(d.GetState()))
		}
		states[id]++
		o := &plgv1.Outcome{}
		if id != "" {
			o.Effects = append(o.Effects, save(strconv.Itoa(states[id])))
		}
		if strings.HasPrefix(e.GetCustomer().GetName(), "Veneno") {
			said, err := h.poisoned(stream, e, o)
			if said != nil || err != nil {
				return said, err
			}
		}
		done.GetBatch().Outcomes = append(done.GetBatch().Outcomes, o)
	}
	return done, nil
}

func save(state string) *plgv1.Effect {
	return &plgv1.Effect{Effect: &plgv1.Effect_SaveState{SaveState: &plgv1.SaveState{State: []byte(state)}}}
}

func put(key string, value []byte) *plgv1.Effect {
	return &plgv1.Effect{Effect: &plgv1.Effect_Put{Put: &plgv1.KeyValue{Key: key, Value: value}}}
}

// poisoned is what it does at a poisonous event. What it returns is the answer to the whole batch; nil means that the
// outcome, perhaps changed, goes the usual way.
func (h *hostile) poisoned(stream plgv1.Plugin_WorkServer, e *plgv1.Event, o *plgv1.Outcome) (*plgv1.WorkResponse, error) {
	switch h.mode {
	case "cuelga":
		hang()
	case "muere_a_medias":
		os.Exit(2)
	case "entra_en_panico":
		panic("esto no estaba previsto")
	case "come_memoria":
		var hoard [][]byte
		for {
			hoard = append(hoard, bytes.Repeat([]byte{1}, 8<<20))
			runtime.KeepAlive(hoard)
		}
	case "tarda":
		time.Sleep(5 * time.Second)
	case "pregunta_sin_fin":
		for {
			read := &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Read{Read: &plgv1.Read{Read: &plgv1.Read_Scan{Scan: &plgv1.Scan{Limit: 1000}}}}}
			if err := stream.Send(read); err != nil {
				return nil, err
			}
			if _, err := stream.Recv(); err != nil {
				return nil, err
			}
		}
	case "responde_dos_veces":
		if err := stream.Send(answer(o)); err != nil {
			return nil, err
		}
	case "responde_a_otro":
		return answer(o, o, o), nil
	case "responde_otra_cosa":
		return &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Panel{Panel: &plgv1.PanelDone{}}}, nil
	case "responde_cien_megas":
		o.Effects = append(o.Effects, put("x", make([]byte, 100<<20)))
	case "responde_basura":
		h.mu.Lock()
		defer h.mu.Unlock()
		garbage := make([]byte, 4096)
		rand.Read(garbage)
		for _, conn := range h.conns {
			_, _ = conn.Write(garbage)
		}
		hang()
	case "inunda_de_efectos":
		for n := range 200_000 {
			o.Effects = append(o.Effects, put("k"+strconv.Itoa(n), []byte("x")))
		}
	case "inunda_de_sucesos":
		for range 200_000 {
			o.Effects = append(o.Effects, emit("plg9100.eco"))
		}
	default:
		if effects, ok := wishes[h.mode]; ok {
			o.Effects = append(slices.Clone(o.Effects), effects(e)...)
		}
	}
	return nil, nil
}

func emit(kind string) *plgv1.Effect {
	return &plgv1.Effect{Effect: &plgv1.Effect_Emit{Emit: &plgv1.Emit{Type: kind}}}
}

// wishes are effects that no manifest of its own allows.
var wishes = map[string]func(*plgv1.Event) []*plgv1.Effect{
	"campo_ajeno": func(*plgv1.Event) []*plgv1.Effect {
		return []*plgv1.Effect{{Effect: &plgv1.Effect_SetField{SetField: &plgv1.SetField{Field: "plg0002_nivel", Value: "oro"}}}}
	},
	"campo_de_la_casa": func(*plgv1.Event) []*plgv1.Effect {
		return []*plgv1.Effect{{Effect: &plgv1.Effect_SetField{SetField: &plgv1.SetField{Field: "aplica_promociones", Value: "true"}}}}
	},
	"etiqueta": func(*plgv1.Event) []*plgv1.Effect {
		return []*plgv1.Effect{{Effect: &plgv1.Effect_AddTag{AddTag: "vip"}}}
	},
	"correo": func(e *plgv1.Event) []*plgv1.Effect {
		return []*plgv1.Effect{{Effect: &plgv1.Effect_SendMail{SendMail: &plgv1.SendMail{
			Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, To: e.GetCustomer().GetId(), Template: "templates/x.html",
		}}}}
	},
	"suceso_ajeno": func(*plgv1.Event) []*plgv1.Effect { return []*plgv1.Effect{emit("consent.given")} },
	"registro_ajeno": func(*plgv1.Event) []*plgv1.Effect {
		return []*plgv1.Effect{{Effect: &plgv1.Effect_PutState{PutState: &plgv1.PutState{CustomerId: "otro", State: []byte("1")}}}}
	},
	"codigo": func(e *plgv1.Event) []*plgv1.Effect {
		return []*plgv1.Effect{{Effect: &plgv1.Effect_ActivateByCode{ActivateByCode: &plgv1.ActivateByCode{CustomerId: e.GetCustomer().GetId(), Code: "0000"}}}}
	},
}

// tried writes down how an attempt against others went.
func tried(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "NEGADO %s: %v\n", what, err)
		return
	}
	fmt.Fprintf(os.Stderr, "LOGRADO %s\n", what)
}

// snoop reads and writes where it has no business.
func (h *hostile) snoop() {
	for _, name := range []string{"store.db", "key", "marketplace.db"} {
		_, err := os.ReadFile(filepath.Join(h.home, name))
		tried("leer "+name, err)
	}
	_, err := os.ReadDir(h.home)
	tried("listar la casa", err)
	for _, name := range []string{"/etc/shadow", "/root", "/proc/1/environ", "/proc/" + strconv.Itoa(os.Getppid()) + "/mem"} {
		f, err := os.Open(name)
		if err == nil {
			_, err = f.Read(make([]byte, 1))
			f.Close()
		}
		tried("leer "+name, err)
	}
	tried("escribir en la casa", os.WriteFile(filepath.Join(h.home, "hostil"), []byte("x"), 0o600))
	tried("escribir en lo temporal", os.WriteFile(filepath.Join(os.TempDir(), "hostil-"+strconv.Itoa(os.Getpid())), []byte("x"), 0o600))
	self, err := os.Executable()
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(self), "hostil"), []byte("x"), 0o600)
	}
	tried("escribir en su paquete", err)
	tried("borrar la tienda", os.Remove(filepath.Join(h.home, "store.db")))
}

// phone opens connections that no permission names.
func (h *hostile) phone() {
	dial := func(network, address string) {
		conn, err := net.DialTimeout(network, address, 2*time.Second)
		if err == nil {
			_, err = conn.Write([]byte("hola"))
			conn.Close()
		}
		tried("llamar a "+network+" "+address, err)
	}
	dial("tcp", "127.0.0.1:"+h.port)
	dial("udp", "127.0.0.1:"+h.port)
	dial("unix", filepath.Join(h.home, "mostrador.sock"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		l.Close()
	}
	tried("escuchar", err)
}
