"use strict";
// Shows the OpenAPI document with Swagger UI; nothing is asked of any other server.
const calls = document.getElementById("calls");
window.SwaggerUIBundle({
  url: calls.dataset.document,
  domNode: calls,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  withCredentials: true,
});
