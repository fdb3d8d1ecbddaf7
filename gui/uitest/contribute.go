package uitest

import (
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Types are the types that fields of plug-ins and questions of forms may have.
var Types = []string{"text", "long_text", "number", "money", "yes_no", "choice", "date", "email", "phone", "url", "country", "color"}

var labels = map[string]string{"text": "Apodo", "long_text": "Observaciones", "number": "Número de hijos", "money": "Límite de crédito", "yes_no": "Recibe catálogo",
	"choice": "Talla", "date": "Cumpleaños", "email": "Correo del trabajo", "phone": "Teléfono fijo", "url": "Página web", "country": "Nacionalidad", "color": "Color favorito"}

var sizes = []*mostradorv1.Choice{{Value: "s", Label: "Pequeña"}, {Value: "m", Label: "Mediana"}, {Value: "l", Label: "Grande"}}

// Contribute adds a plug-in that no screen was written for: fields and a form of every type, buttons at all places,
// and panels of every kind.
func (s *Store) Contribute() {
	s.Lock()
	defer s.Unlock()
	for _, kind := range Types {
		f := &mostradorv1.FieldState{Id: "plg9005_" + kind, Label: labels[kind], Type: kind, Visible: true, Editable: true}
		switch kind {
		case "choice":
			f.Choices = sizes
		case "date":
			f.Help = "Ese día se le felicita por correo."
		case "url":
			f.Editable, f.Reason = false, "Solo un encargado puede cambiar la página web."
		}
		s.Fields = append(s.Fields, f)
	}
	every := &mostradorv1.ActionState{Plugin: "PLG9005", Id: "todo", Label: "Preparar regalo", Enabled: true, Help: "El regalo queda apartado en el almacén.",
		Confirm: "El cliente recibirá un correo. ¿Seguro?"}
	for _, kind := range Types {
		q := &mostradorv1.FormField{Id: kind, Label: labels[kind], Type: kind, Required: kind == "text" || kind == "date"}
		if kind == "choice" {
			q.Options = sizes
		}
		if kind == "money" {
			q.Help = "Lo que se le puede fiar."
		}
		every.Form = append(every.Form, q)
	}
	ask := &mostradorv1.ActionState{Plugin: "PLG9005", Id: "felicitar", Label: "Felicitar ahora", Enabled: true, Confirm: "Sale un correo de felicitación. ¿Lo envía?"}
	s.Actions = []*mostradorv1.ActionState{every, ask}
	s.Answers["PLG9005/todo"] = &plgv1.Result{Message: "El regalo está preparado."}
	s.Answers["PLG9005/felicitar"] = &plgv1.Result{Message: "La felicitación va en camino."}

	months := []string{"ene", "feb", "mar", "abr", "may", "jun"}
	gifts := &plgv1.PanelTable{Columns: []*plgv1.PanelColumn{{Label: "Regalo"}, {Label: "Entregado"}, {Label: "Importe", Number: true}},
		Rows: []*plgv1.PanelCells{{Cells: []string{"Marcapáginas de piel grabado", "12/05/2024", "4,50 €"}}, {Cells: []string{"Libreta", "12/05/2025", "12,00 €"}}, {Cells: []string{"Vale de compra", "", "1.250,00 €"}}}}
	visits := &plgv1.PanelChart{Kind: plgv1.PanelChart_KIND_BAR, Unit: "visitas", Labels: months, Series: []*plgv1.PanelSeries{{Name: "Visitas", Values: []float64{2, 5, 3, 0, 7, 4}}}}
	s.Panels = []*mostradorv1.PanelState{
		{Plugin: "PLG9005", Id: "regalos", Title: "Regalos", Kind: "table", Panel: &plgv1.Panel{Table: gifts}},
		{Plugin: "PLG9005", Id: "visitas", Title: "Visitas", Kind: "chart", Panel: &plgv1.Panel{Chart: visits}},
		{Plugin: "PLG9005", Id: "roto", Title: "Recomendaciones", Kind: "rows", Error: "El plug-in no ha contestado a tiempo."},
	}
	sales := &plgv1.PanelChart{Kind: plgv1.PanelChart_KIND_LINE, Unit: "EUR", Labels: months, Series: []*plgv1.PanelSeries{
		{Name: "Con tarjeta", Values: []float64{1200, 1850, 1640, 2210, 2480, 2300}}, {Name: "Sin tarjeta", Values: []float64{900, 870, 910, 700, 650, 610}}}}
	s.Contributions["report"] = &mostradorv1.ContributionsResponse{Panels: []*mostradorv1.PanelState{
		{Plugin: "PLG9005", Id: "ventas", Title: "Ventas por mes", Kind: "chart", Panel: &plgv1.Panel{Chart: sales}},
		{Plugin: "PLG9005", Id: "entregas", Title: "Regalos entregados", Kind: "table", Panel: &plgv1.Panel{Table: gifts}},
		{Plugin: "PLG9005", Id: "resumen", Title: "Cumpleaños de hoy", Kind: "rows", Panel: &plgv1.Panel{Rows: []*plgv1.PanelRow{{Label: "Clientes", Value: "7"}, {Label: "Felicitados", Value: "6"}, {Label: "El primero", Value: "José Luis Benítez de la Vega y Montoro"}}}},
		{Plugin: "PLG9005", Id: "vacio", Title: "Devueltos", Kind: "table", Panel: &plgv1.Panel{}},
	}}
	s.Contributions["list"] = &mostradorv1.ContributionsResponse{Actions: []*mostradorv1.ActionState{
		{Plugin: "PLG9005", Id: "lista", Label: "Felicitar a los de hoy", Enabled: true, Confirm: "Se felicita a 7 clientes. ¿Seguimos?"}}}
	s.Answers["PLG9005/lista"] = &plgv1.Result{Message: "Van 7 felicitaciones.", Open: "customer:c2"}
	s.Contributions["menu"] = &mostradorv1.ContributionsResponse{Actions: []*mostradorv1.ActionState{
		{Plugin: "PLG9005", Id: "menu", Label: "Calendario de fiestas", Enabled: true},
		{Plugin: "PLG9005", Id: "cierre", Label: "Cerrar campaña", Reason: "No hay ninguna campaña abierta."}}}
	s.Answers["PLG9005/menu"] = &plgv1.Result{Open: "https://calendario.example/2026"}
}
