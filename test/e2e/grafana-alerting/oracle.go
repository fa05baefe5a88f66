// Reads a question from standard input and answers as Go itself does: what os.Expand makes of texts, and what text/template makes of
// templates with the data and the options that Grafana gives them. Standard library only; run by go.test.ts.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type value struct{ Value float64 }

type question struct {
	Env       map[string]string `json:"env"`
	Texts     []string          `json:"texts"`
	Templates []struct {
		Text   string             `json:"text"`
		Labels map[string]string  `json:"labels"`
		Values map[string]float64 `json:"values"`
	} `json:"templates"`
}

type answer struct {
	Texts     []string `json:"texts"`
	Templates []string `json:"templates"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	said := answer{Texts: []string{}, Templates: []string{}}
	for _, text := range asked.Texts {
		said.Texts = append(said.Texts, os.Expand(text, func(name string) string { return asked.Env[name] }))
	}
	functions := template.FuncMap{"externalURL": func() string { return "http://localhost:3000/" }}
	for _, one := range asked.Templates {
		values := map[string]value{}
		for name, number := range one.Values {
			values[name] = value{number}
		}
		data := struct {
			Labels map[string]string
			Values map[string]value
			Value  string
		}{one.Labels, values, ""}
		// As in Grafana: the variables come first, and a missing key is "no value".
		text := "{{- $labels := .Labels -}}{{- $values := .Values -}}{{- $value := .Value -}}" + one.Text
		parsed, err := template.New("annotation").Funcs(functions).Option("missingkey=invalid").Parse(text)
		var out strings.Builder
		if err == nil {
			err = parsed.Execute(&out, data)
		}
		if err != nil {
			said.Templates = append(said.Templates, "error")
			continue
		}
		said.Templates = append(said.Templates, strings.ReplaceAll(out.String(), "<no value>", "[no value]"))
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		panic(err)
	}
}
