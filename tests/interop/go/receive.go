package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	cenats "github.com/cloudevents/sdk-go/protocol/nats/v2"
	cejetstream "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/nats-io/nats.go"
)

// refusal is told in place of an event that the SDK could not read.
type refusal struct {
	Error string `json:"error"`
}

func tell(read *event.Event, err error) error {
	if err == nil {
		var told Plain
		if told, err = plain(*read); err == nil {
			return say(told)
		}
	}
	return say(refusal{err.Error()})
}

func receive(via, address, subject string, count int) error {
	if via == "http" {
		return serve(count)
	}
	connection, err := nats.Connect(address)
	if err != nil {
		return err
	}
	defer connection.Close()
	messages := make(chan binding.Message)
	take := func(message binding.Message) { messages <- message }
	if via == "jetstream" {
		context, err := connection.JetStream()
		if err != nil {
			return err
		}
		// The SDK's own consumer cannot tell when it has subscribed; its reading is what is tried here.
		_, err = context.Subscribe(subject, func(msg *nats.Msg) { take(cejetstream.NewMessage(msg)) },
			nats.BindStream(STREAM), nats.DeliverAll(), nats.OrderedConsumer())
		if err != nil {
			return err
		}
	} else if _, err := connection.Subscribe(subject, func(msg *nats.Msg) { take(cenats.NewMessage(msg)) }); err != nil {
		return err
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	if err := say("ready"); err != nil {
		return err
	}
	for range count {
		read, err := binding.ToEvent(context.Background(), <-messages)
		if err := tell(read, err); err != nil {
			return err
		}
	}
	return nil
}

// serve takes requests, and says its address instead of "ready". A request is answered when what it holds is told, so that
// events are told in the order in which they were posted.
func serve(count int) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := say(fmt.Sprintf("http://%s/", listener.Addr())); err != nil {
		return err
	}
	told := make(chan error, count)
	handler := func(answer http.ResponseWriter, request *http.Request) {
		if !cehttp.IsHTTPBatch(request.Header) {
			read, err := cehttp.NewEventFromHTTPRequest(request)
			told <- tell(read, err)
		} else if all, err := cehttp.NewEventsFromHTTPRequest(request); err != nil {
			told <- tell(nil, err)
		} else {
			for _, read := range all {
				told <- tell(&read, nil)
			}
		}
		answer.WriteHeader(http.StatusAccepted)
	}
	server := &http.Server{Handler: http.HandlerFunc(handler)}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			told <- err
		}
	}()
	for range count {
		if err := <-told; err != nil {
			return err
		}
	}
	// The last answer goes out, too.
	return server.Shutdown(context.Background())
}
