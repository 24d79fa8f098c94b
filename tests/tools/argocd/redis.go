package main

import (
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/spf13/cobra"
)

// Argo CD keeps only a cache in Redis, and its own tests keep it in miniredis: so no Redis has to be installed.
func newRedis() *cobra.Command {
	var address string
	command := &cobra.Command{
		Use:   "argocd-redis",
		Short: "Serve a Redis in memory",
		RunE: func(command *cobra.Command, _ []string) error {
			server := miniredis.NewMiniRedis()
			if err := server.StartAddr(address); err != nil {
				return err
			}
			// Its clock stands still unless it is moved on: without this nothing would ever expire.
			last := time.Now()
			for now := range time.Tick(100 * time.Millisecond) {
				server.FastForward(now.Sub(last))
				last = now
			}
			return nil
		},
	}
	command.Flags().StringVar(&address, "address", "127.0.0.1:6379", "where to listen")
	return command
}
