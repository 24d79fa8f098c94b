// Follows the kinds of objects that Signalbox's watcher follows with client-go's shared informers, as a controller does that
// is written in Go, and does nothing with them: `bench watch` measures the memory that this takes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: informers KUBECONFIG")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "informers:", err)
		os.Exit(1)
	}
}

func run(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	// As Kubernetes' own controllers ask: less to decode than JSON.
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	factory := informers.NewSharedInformerFactory(client, 0)
	var changes atomic.Int64
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Nodes().Informer(),
		factory.Core().V1().Namespaces().Informer(),
		factory.Core().V1().PersistentVolumeClaims().Informer(),
		factory.Core().V1().Events().Informer(),
		factory.Apps().V1().Deployments().Informer(),
		factory.Apps().V1().StatefulSets().Informer(),
		factory.Apps().V1().DaemonSets().Informer(),
		factory.Batch().V1().Jobs().Informer(),
		factory.Autoscaling().V2().HorizontalPodAutoscalers().Informer(),
	} {
		counts := cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { changes.Add(1) },
			UpdateFunc: func(any, any) { changes.Add(1) },
			DeleteFunc: func(any) { changes.Add(1) },
		}
		if _, err := informer.AddEventHandler(counts); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v: not listed", kind)
		}
	}
	fmt.Println("synced", changes.Load())
	<-ctx.Done()
	return nil
}
