// NestJS without a compiler: decorators are called by hand. NEST says on which framework. Prints its port.
import 'reflect-metadata'
import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Module,
  Param,
  Post,
  RequestMethod,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { declaredRoutes } from './declared.mjs'

class TownsController {
  stall(town, stall) {
    return { town, stall }
  }
  make(body) {
    return body
  }
  throws() {
    throw new TypeError('by a handler')
  }
  async throwsLater() {
    await new Promise(resolve => setTimeout(resolve, 2))
    throw new RangeError('by a handler, later')
  }
  refuses() {
    throw new ForbiddenException('not yours')
  }
  declared() {
    return declaredRoutes()
  }
}
Controller('towns')(TownsController)

function method(decorate, name, ...parameters) {
  const { prototype } = TownsController
  decorate(prototype, name, Object.getOwnPropertyDescriptor(prototype, name))
  for (const [index, parameter] of parameters.entries()) parameter(prototype, name, index)
}
method(Get(':town/stalls/:stall'), 'stall', Param('town'), Param('stall'))
method(Post(), 'make', Body())
method(Get('throws'), 'throws')
method(Get('throws-later'), 'throwsLater')
method(Get('refuses'), 'refuses')
method(Get('declared'), 'declared')

class ExitController {
  exit() {
    setTimeout(() => process.exit(0), 10)
    return 'now'
  }
}
Controller()(ExitController)
const exit = Object.getOwnPropertyDescriptor(ExitController.prototype, 'exit')
Get('exit')(ExitController.prototype, 'exit', exit)

class AppModule {}
Module({ controllers: [TownsController, ExitController] })(AppModule)

const adapter =
  process.env.NEST === 'fastify'
    ? new (await import('@nestjs/platform-fastify')).FastifyAdapter()
    : undefined
const app = await NestFactory.create(AppModule, ...(adapter === undefined ? [] : [adapter]), {
  logger: false,
})
app.setGlobalPrefix('api', {
  exclude: ['towns/declared', 'exit'].map(path => ({ path, method: RequestMethod.GET })),
})
await app.listen(0, '127.0.0.1')
console.log(`port ${app.getHttpServer().address().port}`)
