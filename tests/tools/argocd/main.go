// One program with the parts of Argo CD that the tests run: it takes its role from its name, as Argo CD's own does.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

func main() {
	roles := map[string]func() *cobra.Command{
		"argocd-application-controller": controller.NewCommand,
		"argocd-repo-server":            reposerver.NewCommand,
		"argocd-redis":                  newRedis,
	}
	name := filepath.Base(os.Args[0])
	role, known := roles[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s is no role: call this by the name argocd-application-controller, argocd-repo-server or argocd-redis\n", name)
		os.Exit(2)
	}
	if err := role().Execute(); err != nil {
		os.Exit(1)
	}
}
