// Command plg0074bienvenida welcomes new customers and carries their answer (seed 000).
//
// Every customer who is registered with an e-mail, or gets one while still pending, is sent the welcome with
// the link of activation. Who accepts is thanked; who leaves promotions gets that confirmed, with the way
// back. All of these answer what the customer did, so they are transactional, and each tells how to leave.
package main

import (
	"context"
	"embed"
	"time"

	"mostrador/sdk"
)

//go:embed plugin.yaml locales
var files embed.FS

func main() { newPlugin().Serve() }

func newPlugin() *sdk.Plugin {
	p := sdk.New(files)
	sdk.On(p, welcome)
	sdk.On(p, welcomeLate)
	sdk.On(p, thank)
	sdk.On(p, confirmLeaving)
	p.Action("reenviar", resend)
	p.Action("codigo_corto", activateByCode)
	return p
}

// record is what is kept of a customer.
type record struct {
	// Welcomed says that the first welcome was sent.
	Welcomed bool `json:"welcomed"`
	// Resent is when it was sent again within the last day.
	Resent []time.Time `json:"resent,omitempty"`
}

// welcome queues the welcome mail of a customer who was just registered.
func welcome(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
	if !e.Customer.HasEmail() {
		return nil
	}
	return welcomeFirst(tx, e.Customer)
}

// welcomeLate welcomes a pending customer whose e-mail became known only now.
func welcomeLate(_ context.Context, tx *sdk.Tx, e sdk.CustomerChanged) error {
	change, changed := e.Changed("email")
	if !changed || change.From != "" || !e.Customer.HasEmail() || !pending(e.Customer) {
		return nil
	}
	r, err := sdk.State[record](tx)
	if err != nil || r.Welcomed {
		return err
	}
	return welcomeFirst(tx, e.Customer)
}

// pending tells whether the customer has answered nothing yet: neither accepted nor left promotions.
func pending(c sdk.Customer) bool {
	return c.Consent.Programme == sdk.Pending && c.Consent.Promotions == sdk.Pending
}

func welcomeFirst(tx *sdk.Tx, c sdk.Customer) error {
	if err := sendWelcome(tx, c); err != nil {
		return err
	}
	return tx.Save(record{Welcomed: true})
}

func sendWelcome(tx *sdk.Tx, c sdk.Customer) error {
	return tx.Send(sdk.Mail{
		Kind:     sdk.Transactional,
		To:       c.ID,
		Template: tx.Setting("PLG0074TextoFile").Text(),
		Links:    sdk.Links{"activar": tx.ActivationLink(c.ID), "baja": tx.OptOutLink(c.ID)},
	})
}

// thank confirms an acceptance, whichever way it came.
func thank(_ context.Context, tx *sdk.Tx, e sdk.ConsentGiven) error {
	if !e.Customer.HasEmail() {
		return nil
	}
	return tx.Send(sdk.Mail{
		Kind:     sdk.Transactional,
		To:       e.Customer.ID,
		Template: tx.Setting("PLG0074GraciasFile").Text(),
		Links:    sdk.Links{"baja": tx.OptOutLink(e.Customer.ID)},
	})
}

// confirmLeaving confirms that promotions stop, and says how to come back.
func confirmLeaving(_ context.Context, tx *sdk.Tx, e sdk.ConsentWithdrawn) error {
	if !e.Customer.HasEmail() {
		return nil
	}
	return tx.Send(sdk.Mail{
		Kind:     sdk.Transactional,
		To:       e.Customer.ID,
		Template: tx.Setting("PLG0074BajaFile").Text(),
		Links:    sdk.Links{"activar": tx.ActivationLink(e.Customer.ID), "baja": tx.OptOutLink(e.Customer.ID)},
	})
}

// resend is the button [Reenviar bienvenida].
func resend(_ context.Context, tx *sdk.Tx, press sdk.Press) (sdk.Result, error) {
	if !press.Customer.HasEmail() {
		return sdk.Result{}, sdk.Diagnostic{Summary: tx.Text("email_missing"), Path: "email", Code: "email_missing"}
	}
	r, err := sdk.State[record](tx)
	if err != nil {
		return sdk.Result{}, err
	}
	r.Welcomed = true
	r.Resent = within(r.Resent, tx.Now().Add(-24*time.Hour))
	if n := len(r.Resent); int64(n) >= tx.Setting("PLG0074ReenviosPorDia").Int() {
		return sdk.Result{}, sdk.Diagnostic{Summary: tx.Text("resent_too_often", "n", n), Code: "resent_too_often"}
	}
	r.Resent = append(r.Resent, tx.Now())
	if err := sendWelcome(tx, press.Customer); err != nil {
		return sdk.Result{}, err
	}
	return sdk.Done(tx.Text("resent", "email", press.Customer.Email)), tx.Save(r)
}

// within returns the times after since. They are in order.
func within(times []time.Time, since time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(since) {
		times = times[1:]
	}
	return times
}

// activateByCode is the button [Activación con código corto]: the customer read the code out, the host
// compares it.
func activateByCode(_ context.Context, tx *sdk.Tx, press sdk.Press) (sdk.Result, error) {
	code := press.Form.Text("codigo")
	if code == "" {
		return sdk.Result{}, sdk.Diagnostic{Summary: tx.Text("code_missing"), Path: "codigo", Code: "code_missing"}
	}
	tx.ActivateByCode(press.Customer.ID, code)
	return sdk.Done(tx.Text("activated")), nil
}
