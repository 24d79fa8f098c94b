package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	cenats "github.com/cloudevents/sdk-go/protocol/nats/v2"
	cejetstream "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/client"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/protocol"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/nats-io/nats.go"
)

// TOKEN is the environment variable with the bearer token for HTTP.
const TOKEN = "INTEROP_TOKEN"

func send(via, mode, address, subject string, plains []Plain) error {
	events := make([]event.Event, len(plains))
	for at, plain := range plains {
		made, err := plain.event()
		if err != nil {
			return err
		}
		events[at] = made
	}
	ctx := context.Background()
	switch mode {
	case "binary":
		ctx = binding.WithForceBinary(ctx)
	case "structured":
		ctx = binding.WithForceStructured(ctx)
	case "batch":
		return sendBatch(ctx, address, events)
	default:
		return fmt.Errorf("no such mode: %s", mode)
	}
	sender, flush, err := open(via, address, subject)
	if err != nil {
		return err
	}
	// The SDK's client fills in what is missing only when it is asked to; here it is not.
	speaker, err := client.New(sender)
	if err != nil {
		return err
	}
	for _, made := range events {
		if result := speaker.Send(ctx, made); !protocol.IsACK(result) {
			return fmt.Errorf("%s is not acknowledged: %w", made.ID(), result)
		}
	}
	return flush()
}

// open makes the SDK's sender, and what makes sure that all has left.
func open(via, address, subject string) (any, func() error, error) {
	if via == "http" {
		sender, err := cehttp.New(cehttp.WithTarget(address), cehttp.WithHeader("Authorization", "Bearer "+os.Getenv(TOKEN)))
		return sender, func() error { return nil }, err
	}
	connection, err := nats.Connect(address)
	if err != nil {
		return nil, nil, err
	}
	if via == "jetstream" {
		sender, err := cejetstream.NewSenderFromConn(connection, STREAM, subject, nil)
		return sender, connection.Flush, err
	}
	sender, err := cenats.NewSenderFromConn(connection, subject)
	return sender, connection.Flush, err
}

// sendBatch posts a batch: the SDK's client has no batches, but the SDK writes the request.
func sendBatch(ctx context.Context, address string, events []event.Event) error {
	request, err := cehttp.NewHTTPRequestFromEvents(ctx, address, events)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv(TOKEN))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}
