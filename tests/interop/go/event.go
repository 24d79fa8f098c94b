package main

import (
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// Plain is an event as both sides of the test write it: no format of CloudEvents, so that none is tested by accident.
type Plain struct {
	ID              string            `json:"id"`
	Source          string            `json:"source"`
	Type            string            `json:"type"`
	Subject         string            `json:"subject,omitempty"`
	Time            string            `json:"time,omitempty"`
	DataContentType string            `json:"datacontenttype,omitempty"`
	DataSchema      string            `json:"dataschema,omitempty"`
	Extensions      map[string]string `json:"extensions,omitempty"`
	// Data is Base64 in JSON.
	Data []byte `json:"data,omitempty"`
}

// event makes the SDK's event of it.
func (plain Plain) event() (event.Event, error) {
	made := event.New()
	made.SetID(plain.ID)
	made.SetSource(plain.Source)
	made.SetType(plain.Type)
	if plain.Subject != "" {
		made.SetSubject(plain.Subject)
	}
	if plain.Time != "" {
		at, err := time.Parse(time.RFC3339Nano, plain.Time)
		if err != nil {
			return made, err
		}
		made.SetTime(at)
	}
	if plain.DataSchema != "" {
		made.SetDataSchema(plain.DataSchema)
	}
	for name, value := range plain.Extensions {
		made.SetExtension(name, value)
	}
	if plain.Data != nil {
		if err := made.SetData(plain.DataContentType, plain.Data); err != nil {
			return made, err
		}
	}
	return made, made.Validate()
}

// plain tells what the SDK has read.
func plain(read event.Event) (Plain, error) {
	told := Plain{
		ID: read.ID(), Source: read.Source(), Type: read.Type(), Subject: read.Subject(),
		DataContentType: read.DataContentType(), DataSchema: read.DataSchema(), Data: read.Data(),
	}
	if !read.Time().IsZero() {
		told.Time = read.Time().UTC().Format(time.RFC3339Nano)
	}
	for name, value := range read.Extensions() {
		text, err := types.Format(value)
		if err != nil {
			return told, err
		}
		if told.Extensions == nil {
			told.Extensions = map[string]string{}
		}
		told.Extensions[name] = text
	}
	return told, read.Validate()
}
