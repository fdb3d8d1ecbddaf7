package host

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/configguide"
	"mostrador/host/api"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/marketplace"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// The core's settings that the host acts on (configguide/core.yaml).
const (
	settingStoreName  = "TiendaNombre"
	settingCountry    = "TiendaPais"
	settingCurrency   = "TiendaMoneda"
	settingLanguage   = "TiendaIdioma"
	settingServer     = "CorreoServidor"
	settingPort       = "CorreoPuerto"
	settingEncryption = "CorreoCifrado"
	settingUser       = "CorreoUsuario"
	settingPassword   = "CorreoClave"
	settingSender     = "CorreoRemitente"
	settingSenderName = "CorreoRemitenteNombre"
	settingTracking   = "CorreoSeguimiento"
	settingWebAddress = "WebDireccionPublica"
	settingPolicy     = "ConsentimientoTexto"
	settingPolicyEn   = "ConsentimientoTextoEn"
	settingCodeDays   = "CodigoCortoDias"
	settingLogLevel   = "RegistroNivel"

	settingTimeZone       = "TiendaZonaHoraria"
	settingReturns        = "CorreoRebotes"
	settingConnections    = "CorreoSimultaneos"
	settingPromotionsMost = "CorreoPromocionesMaximo"
	settingPromotionsDays = "CorreoPromocionesDias"
	settingQuietFrom      = "CorreoHoraSilencioDesde"
	settingQuietTo        = "CorreoHoraSilencioHasta"
)

// openGuide opens the Configuration Guide with the settings of the active plug-ins.
func (h *Host) openGuide(key []byte) (*configguide.Guide, error) {
	guide, err := configguide.New(configguide.Config{
		KV: guideKV{h.store}, Key: key, TemplatesDir: h.path("templates"),
		ReadFile:      h.packageFile,
		CheckTemplate: func(text, lang string) []*plgv1.Diagnostic { return h.messages.Check(text, lang) },
		CheckValue:    h.checkSetting, Validate: h.askAboutSetting, Policy: h.settingPolicy,
	})
	if err != nil {
		return nil, err
	}
	if err := guide.SetPlugins(h.ensemble.Active()); err != nil {
		return nil, err
	}
	return guide, nil
}

// packageFile reads a file of the package in use of a plug-in.
func (h *Host) packageFile(id, name string) ([]byte, error) {
	if p := h.ensemble.pkg(id); p != nil {
		return p.ReadFile(name)
	}
	return nil, fmt.Errorf("plug-in %s is not installed", id)
}

// guideChanged has the settings of the active plug-ins, and of no others, in the Guide.
func (h *Host) guideChanged() {
	if err := h.guide.SetPlugins(h.ensemble.Active()); err != nil {
		h.logger.Error("the settings of a plug-in cannot be shown", "error", err)
	}
}

// settingsChanged brings what changed to whoever acts on it. It is called after the change is on disk, on the
// goroutine that made it.
func (h *Host) settingsChanged(keys []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	h.mailChanged()
	h.plugins.SettingsChanged()
	if err := h.ensemble.settingsChanged(ctx); err != nil {
		h.logger.Error("the rules do not follow the settings", "error", err)
	}
	var mail, profile, level bool
	for _, key := range keys {
		mail = mail || strings.HasPrefix(key, "Correo") || key == settingTimeZone
		level = level || key == settingLogLevel
		if key == settingDevelopment {
			wake(h.ensemble.look)
		}
		profile = profile || key == settingStoreName || key == settingLanguage || strings.HasPrefix(key, settingPolicy)
		h.hub.Publish(mostradorv1.WatchResponse_KIND_SETTING, key)
	}
	if mail {
		if err := h.messages.SettingsChanged(ctx); err != nil {
			h.logger.Error("waiting mail is not tried at once", "error", err)
		}
	}
	if profile {
		if err := h.publishProfile(ctx); err != nil {
			h.logger.Error("the web pages show the former texts", "error", err)
		}
	}
	if level {
		h.setLogLevel()
	}
}

func (h *Host) setLogLevel() {
	if level := hclog.LevelFromString(h.guide.Text(settingLogLevel)); level != hclog.NoLevel {
		h.opt.Logger.SetLevel(level)
	}
}

// tracking is what of mails is followed up.
func (h *Host) tracking() marketplace.Tracking {
	return marketplace.Tracking(h.guide.Text(settingTracking))
}

// policyTexts is the wording in force by language.
func (h *Host) policyTexts() map[string]string {
	texts := map[string]string{"es": h.guide.Text(settingPolicy)}
	if en := h.guide.Text(settingPolicyEn); en != "" {
		texts["en"] = en
	}
	return texts
}

func (h *Host) codeValidity() time.Duration {
	return time.Duration(h.guide.Int(settingCodeDays)) * 24 * time.Hour
}

// pluginSettings is what a plug-in may see.
func (h *Host) pluginSettings(id string) *structpb.Struct {
	values, err := structpb.NewStruct(h.guide.ValuesFor(id))
	if err != nil {
		h.logger.Error("a plug-in does not get its settings", "plugin", id, "error", err)
	}
	return values
}

// apiConfig is what the API serves.
func (h *Host) apiConfig() api.Config {
	return api.Config{
		Version: h.opt.Version, Store: h.store, Log: h.log, Engine: h.engine, Customers: h.customers, Consent: h.consent,
		Sales: h.sales, Access: h.access, Messages: h.messages, Settings: guideAPI{h}, Plugins: h.ensemble,
		Model: h.model, Segments: h.segments, Tags: h.tags, Tasks: h.tasks, Transfer: h.transfers,
		Delivery: h.delivery, Doctor: h.examineMail,
		Records: h.histories, Promotions: h.promotions, Intake: h.intake, Webhooks: h.webhooks,
		Subscriptions: h.subscriptions, Library: h.library, Rules: h.rules,
		Status: h.status, Hub: h.hub, Text: h.text, Logger: h.logger.Named("api"),
	}
}

// status is what a screen must know before anybody signs in.
func (h *Host) status() *mostradorv1.StatusResponse {
	return &mostradorv1.StatusResponse{
		StoreName: h.guide.Text(settingStoreName), WebAddress: h.publicAddress(), MailSpooled: h.guide.Text(settingServer) == "",
		Currency: h.guide.Text(settingCurrency), Country: h.guide.Text(settingCountry), Language: h.guide.Text(settingLanguage),
	}
}

// guideKV lends the store to the Guide, which may not know it.
type guideKV struct{ store *store.Store }

type guideTx struct{ tx *store.Tx }

func (k guideKV) View(fn func(configguide.Tx) error) error {
	return k.store.View(func(tx *store.Tx) error { return fn(guideTx{tx}) })
}

func (k guideKV) Update(ctx context.Context, fn func(configguide.Tx) error) error {
	return k.store.Update(ctx, func(tx *store.Tx) error { return fn(guideTx{tx}) })
}

func (t guideTx) Get(bucket string, key []byte) []byte { return t.tx.Get(store.Bucket(bucket), key) }
func (t guideTx) Put(bucket string, key, value []byte) { t.tx.Put(store.Bucket(bucket), key, value) }
func (t guideTx) Delete(bucket string, key []byte)     { t.tx.Delete(store.Bucket(bucket), key) }
func (t guideTx) Scan(bucket string, prefix, after []byte) iter.Seq2[[]byte, []byte] {
	return t.tx.Scan(store.Bucket(bucket), prefix, after)
}
func (t guideTx) ScanReverse(bucket string, prefix, before []byte) iter.Seq2[[]byte, []byte] {
	return t.tx.ScanReverse(store.Bucket(bucket), prefix, before)
}
