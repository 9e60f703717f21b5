// Names what an image shows, by the C interface: classify MODEL.ebit IMAGE.ppm
//
// Build: go build -o classify classify.go, with pkg-config finding the library.
// Images are binary PPM (colour) or PGM (grey) files of 8 bits a value.
package main

/*
#cgo pkg-config: eigenbit
#include <eigenbit/eigenbit.h>
#include <stdlib.h>
*/
import "C"

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sort"
	"unsafe"
)

type image struct {
	height, width, channels int
	pixels                  []byte
}

func readImage(path string) (image, error) {
	file, err := os.Open(path)
	if err != nil {
		return image{}, err
	}
	defer file.Close()
	reader := bufio.NewReader(file)
	var kind string
	var width, height, largest int
	_, err = fmt.Fscanf(reader, "%s\n%d %d\n%d\n", &kind, &width, &height, &largest)
	channels := map[string]int{"P5": 1, "P6": 3}[kind]
	if err != nil || channels == 0 || largest != 255 || width < 1 || height < 1 || width > 1<<14 || height > 1<<14 {
		return image{}, fmt.Errorf("%s is no binary PPM or PGM file of 8 bits", path)
	}
	pixels := make([]byte, width*height*channels)
	if _, err = io.ReadFull(reader, pixels); err != nil {
		return image{}, fmt.Errorf("%s: %w", path, err)
	}
	return image{height, width, channels, pixels}, nil
}

// The error of the last call, which is the thread's: callers stay on one.
func lastError() error { return errors.New(C.GoString(C.eigenbit_last_error())) }

func scoresOf(model *C.eigenbit_model, image image) ([]float32, error) {
	session := C.eigenbit_session_create(model, nil)
	if session == nil {
		return nil, lastError()
	}
	defer C.eigenbit_session_close(session)
	pixels := (*C.uint8_t)(unsafe.Pointer(&image.pixels[0]))
	var shape C.eigenbit_shape
	if C.eigenbit_session_set_image(session, 0, pixels, C.int32_t(image.height), C.int32_t(image.width),
		C.int32_t(image.channels)) != C.EIGENBIT_OK ||
		C.eigenbit_session_run(session) != C.EIGENBIT_OK ||
		C.eigenbit_session_output_shape(session, 0, &shape) != C.EIGENBIT_OK {
		return nil, lastError()
	}
	count := 1
	for _, extent := range shape.extents[:shape.rank] {
		count *= int(extent)
	}
	output := (*float32)(unsafe.Pointer(C.eigenbit_session_output(session, 0)))
	return append([]float32(nil), unsafe.Slice(output, count)...), nil
}

func classify(modelPath, imagePath string) error {
	runtime.LockOSThread()
	path := C.CString(modelPath)
	defer C.free(unsafe.Pointer(path))
	model := C.eigenbit_model_open(path, nil)
	if model == nil {
		return lastError()
	}
	defer C.eigenbit_model_close(model)
	image, err := readImage(imagePath)
	if err != nil {
		return err
	}
	scores, err := scoresOf(model, image)
	if err != nil {
		return err
	}
	classes := make([]int, len(scores))
	for i := range classes {
		classes[i] = i
	}
	sort.Slice(classes, func(a, b int) bool { return scores[classes[a]] > scores[classes[b]] })
	for _, class := range classes[:min(5, len(classes))] {
		name := ""
		if found := C.eigenbit_model_class_name(model, C.size_t(class)); found != nil {
			name = C.GoString(found)
		}
		fmt.Printf("%8.3f  class %d  %s\n", scores[class], class, name)
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: classify MODEL.ebit IMAGE.ppm")
		os.Exit(2)
	}
	if err := classify(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "classify:", err)
		os.Exit(1)
	}
}
