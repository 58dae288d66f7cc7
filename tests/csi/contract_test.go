package csi

import (
	"context"
	"fmt"
	"testing"

	"github.com/bufbuild/protocompile"
	standard "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What our contract leaves out of the standard's, and why.
var leftOut = map[protoreflect.FullName]string{
	"csi.v1.SnapshotMetadata":             "changed blocks are about block snapshots",
	"csi.v1.GetMetadataAllocatedRequest":  "of SnapshotMetadata",
	"csi.v1.GetMetadataAllocatedResponse": "of SnapshotMetadata",
	"csi.v1.GetMetadataDeltaRequest":      "of SnapshotMetadata",
	"csi.v1.GetMetadataDeltaResponse":     "of SnapshotMetadata",
	"csi.v1.BlockMetadata":                "of SnapshotMetadata",
	"csi.v1.BlockMetadataType":            "of SnapshotMetadata",
}

// TestContractIsTheStandards compares every service, message, field and value, both ways.
func TestContractIsTheStandards(t *testing.T) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			ImportPaths: []string{"../../crates/csi/proto"},
		}),
	}
	files, err := compiler.Compile(context.Background(), "csi.proto")
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := describe(files[0]), describe(standard.File_csi_proto)
	if len(theirs) < 400 {
		t.Fatalf("only %d lines describe the standard", len(theirs))
	}
	for line := range ours {
		if !theirs[line] {
			t.Errorf("not in the standard: %s", line)
		}
	}
	for line := range theirs {
		if !ours[line] {
			t.Errorf("not in our contract: %s", line)
		}
	}
}

// describe tells all that decides what is on the wire, a line for each thing.
func describe(file protoreflect.FileDescriptor) map[string]bool {
	lines := map[string]bool{fmt.Sprintf("package %s", file.Package()): true}
	for i := range file.Services().Len() {
		service := file.Services().Get(i)
		if leftOut[service.FullName()] != "" {
			continue
		}
		for j := range service.Methods().Len() {
			method := service.Methods().Get(j)
			lines[fmt.Sprintf("rpc %s(%s) %s, streams %t %t", method.FullName(), method.Input().FullName(),
				method.Output().FullName(), method.IsStreamingClient(), method.IsStreamingServer())] = true
		}
	}
	describeEnums(lines, file.Enums())
	describeMessages(lines, file.Messages())
	return lines
}

func describeMessages(lines map[string]bool, messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		message := messages.Get(i)
		if leftOut[message.FullName()] != "" {
			continue
		}
		lines[fmt.Sprintf("message %s", message.FullName())] = true
		for j := range message.Fields().Len() {
			field := message.Fields().Get(j)
			kind := field.Kind().String()
			if field.Message() != nil {
				kind = string(field.Message().FullName())
			}
			if field.Enum() != nil {
				kind = string(field.Enum().FullName())
			}
			in := ""
			if field.ContainingOneof() != nil {
				in = string(field.ContainingOneof().FullName())
			}
			lines[fmt.Sprintf("field %s = %d, %s %s, one of %q, packed %t", field.FullName(), field.Number(),
				field.Cardinality(), kind, in, field.IsPacked())] = true
		}
		describeEnums(lines, message.Enums())
		describeMessages(lines, message.Messages())
	}
}

func describeEnums(lines map[string]bool, enums protoreflect.EnumDescriptors) {
	for i := range enums.Len() {
		enum := enums.Get(i)
		if leftOut[enum.FullName()] != "" {
			continue
		}
		for j := range enum.Values().Len() {
			value := enum.Values().Get(j)
			lines[fmt.Sprintf("value %s.%s = %d", enum.FullName(), value.Name(), value.Number())] = true
		}
	}
}
