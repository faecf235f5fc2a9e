// Command trivy holds manifests or Dockerfiles against trivy's embedded checks, with trivy's own scanners.
//
//	trivy kubernetes|dockerfile FOLDER FILE...
//
// It prints what failed as JSON. It stands in for `trivy config`, which brings along all that trivy can scan and takes
// a quarter of an hour of processor time to compile.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/scan"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/dockerfile"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/kubernetes"
)

type scanner interface {
	ScanFS(ctx context.Context, fsys fs.FS, root string) (scan.Results, error)
}

type finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

type report struct {
	Passed   int       `json:"passed"`
	Findings []finding `json:"findings"`
}

func main() {
	if len(os.Args) < 4 {
		fail("usage: trivy kubernetes|dockerfile FOLDER FILE...")
	}
	scanner := scannerOf(os.Args[1])
	folder := os.DirFS(os.Args[2])
	report := report{Findings: []finding{}}
	for _, file := range os.Args[3:] {
		results, err := scanner.ScanFS(context.Background(), folder, file)
		if err != nil {
			fail(fmt.Sprintf("%s: %v", file, err))
		}
		report.Passed += len(results.GetPassed())
		for _, failed := range results.GetFailed() {
			report.Findings = append(report.Findings, finding{
				File:    file,
				Line:    failed.Range().GetStartLine(),
				Rule:    failed.Rule().ID,
				Message: failed.Description(),
			})
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		fail(err.Error())
	}
}

func scannerOf(kind string) scanner {
	checks, libraries := rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true)
	switch kind {
	case "kubernetes":
		return kubernetes.NewScanner(checks, libraries)
	case "dockerfile":
		return dockerfile.NewScanner(checks, libraries)
	default:
		fail(fmt.Sprintf("there is no scanner `%s`", kind))
		return nil
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "error:", why)
	os.Exit(2)
}
