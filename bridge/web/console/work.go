package console

import "github.com/gin-gonic/gin"

// exportsPath is where lists are taken away as files.
const exportsPath = "/console/exports"

// workRoutes are what is done to many requests at once.
func (s *Console) workRoutes(*gin.Engine) {}
