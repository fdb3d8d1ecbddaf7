package message

import (
	"strings"

	"mostrador/host/api/mostradorv1"
)

// variables are what a template may say, as it is written, each with the key of its sentence.
var variables = []struct{ written, key string }{
	{"{{.Cliente.Nombre}}", "name"},
	{"{{.Cliente.PrimerNombre}}", "first_name"},
	{"{{.Cliente.Apellidos}}", "surname"},
	{"{{.Cliente.Correo}}", "email"},
	{"{{.Cliente.Telefono}}", "phone"},
	{"{{.Cliente.Direccion}}", "address"},
	{"{{.Cliente.Usuario}}", "user"},
	{"{{.Cliente.Numero}}", "number"},
	{"{{.Cliente.Tarjeta}}", "card"},
	{"{{.Cliente.Campos.direccion}}", "field"},
	{"{{if .Compras}}…{{else}}…{{end}}", "if"},
	{"{{range .Compras}}{{.Recibo}}, {{fecha .Fecha}}: {{dinero .Total}}\n{{end}}", "sales"},
	{"{{range .Compras}}{{range .Lineas}}{{.Cantidad}} {{.Nombre}} ({{.Articulo}}): {{dinero .Importe}}\n{{end}}{{end}}", "lines"},
	{"{{.Resumen.Compras}}", "purchases"},
	{"{{dinero .Resumen.Gastado}}", "spent"},
	{"{{fecha .Resumen.Primera}}", "first"},
	{"{{fecha .Resumen.Ultima}}", "last"},
	{"{{hora .Resumen.Ultima}}", "hour"},
	{"{{.Puntos}}", "points"},
	{"{{.Medidas.puntos}}", "measure"},
	{"{{.Codigo}}", "code"},
	{"{{fecha .CodigoVence}}", "code_expires"},
	{"{{.Beneficio}}", "benefit"},
	{"{{range .Ofertas}}<h2>{{.Titulo}}</h2><p>{{.Texto}}</p><a href=\"{{.Enlace}}\">{{.Boton}}</a>{{end}}", "offers"},
	{"{{.Datos.recibo}}", "data"},
	{"{{.Enlaces.activar}}", "link_activate"},
	{"{{.Enlaces.baja}}", "link_opt_out"},
	{"{{.Enlaces.preferencias}}", "link_preferences"},
	{"{{.Enlaces.motivo}}", "link_reason"},
	{"{{.Tienda.Nombre}}", "store"},
	{"{{.Politica}}", "policy"},
	{"{{mayusculas .Cliente.PrimerNombre}}", "upper"},
	{"{{minusculas .Cliente.PrimerNombre}}", "lower"},
	{"{{primero .Cliente.Apellidos}}", "primero"},
	{"{{resto .Cliente.Apellidos}}", "resto"},
}

// Variables lists what a template may say, in a language, with what it would be for a customer who does not exist.
func (s *Service) Variables(lang string) []*mostradorv1.TemplateVariable {
	var list []*mostradorv1.TemplateVariable
	for _, v := range variables {
		variable := &mostradorv1.TemplateVariable{Written: v.written, Words: s.cfg.Text(lang, "message.var_"+v.key)}
		d := Draft{Source: NewSource("<title>x</title><p>"+v.written+"</p>", v.written), Language: lang}
		if _, seen, _, err := s.Draw(d, lang); err == nil && seen != nil {
			variable.Example = strings.TrimSpace(seen.GetText())
		}
		list = append(list, variable)
	}
	return list
}
