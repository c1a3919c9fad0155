import { SPAN_CATEGORIES, type SpanCategory } from '../../domain/span.ts'
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_PRODUCER,
  KIND_SERVER,
  type SpanFacts,
} from './span-facts.ts'

/** Instrumentations of template engines, by what their scopes are called. */
const TEMPLATE_SCOPE =
  /(?:^|[^a-z])(?:jinja2?|mako|ejs|pug|jade|handlebars|hbs|nunjucks|mustache|liquid|eta|action_?view|erb|haml|slim|twig|blade|thymeleaf|freemarker|velocity|razor|tornado\.template|django\.template)(?:[^a-z]|$)/i
const TEMPLATE_NAME =
  /^(?:render(?:ing|_template|Template|ToString)?(?:[^a-z]|$)|template(?:[^a-z]|$)|jinja2?\.|express\.view|view\.render|(?:ejs|pug|hbs|handlebars|nunjucks|mustache|liquid|twig|blade|mako|haml|erb)[^a-z]|[\w./-]{1,128}\.(?:render|render_template|html\.erb|jinja2?|j2|ejs|pug|hbs|twig|mako)$)/i

/** What the time of a span counts as in the breakdown of a request. */
export function spanCategory(facts: SpanFacts): number {
  return SPAN_CATEGORIES.indexOf(categoryName(facts))
}

function categoryName(facts: SpanFacts): SpanCategory {
  const { kind } = facts
  if (kind === KIND_SERVER || kind === KIND_CONSUMER) return 'other'
  if (facts.has('dbSystem') || facts.has('dbStatement')) return 'db'
  if (kind === KIND_CLIENT || kind === KIND_PRODUCER) return 'external'
  return isRender(facts) ? 'render' : 'other'
}

function isRender(facts: SpanFacts): boolean {
  return (
    facts.has('templateName') || TEMPLATE_SCOPE.test(facts.scope) || TEMPLATE_NAME.test(facts.name)
  )
}
