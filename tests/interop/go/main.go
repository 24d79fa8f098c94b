// A peer that speaks CloudEvents with the Go SDK alone: it sends the events of a file, or says on its standard output what
// it has read. The words are those of tests/src/peer.rs.
//
//	interop send nats|jetstream|http binary|structured|batch ADDRESS SUBJECT FILE   one event a line
//	interop receive nats|jetstream|http ADDRESS SUBJECT COUNT                       one event a line, after "ready"
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// STREAM is where Signalbox keeps its events.
const STREAM = "SIGNALBOX"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 6 && args[0] == "send":
		events, err := told(args[5])
		if err != nil {
			return err
		}
		return send(args[1], args[2], args[3], args[4], events)
	case len(args) == 5 && args[0] == "receive":
		count, err := strconv.Atoi(args[4])
		if err != nil {
			return err
		}
		return receive(args[1], args[2], args[3], count)
	default:
		return fmt.Errorf("no such command: %q", args)
	}
}

// told reads the events of a file.
func told(path string) ([]Plain, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var events []Plain
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var event Plain
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, lines.Err()
}

// say writes one line of JSON.
func say(what any) error {
	return json.NewEncoder(os.Stdout).Encode(what)
}
